import History
import EventLoop
import Foundation
import HTTP
import Laboratory
import PrivateServers
import Terminal
import Text
import Verify

/// Another worker of the same group, beside the laboratory's own.
@LoopActor
final class SecondWorker {
  private let arena: Arena
  private var process: RunningProcess?
  private var address: SocketAddress?
  private var came = Timestamp(microseconds: 0)
  /// The most partitions that it was seen with.
  private var partitions = 0

  init(_ arena: Arena) { self.arena = arena }

  func come() async throws {
    let lab = arena.lab
    var options = UpOptions()
    if let first = lab.state.part(.edaWorker) {
      options.settings[.edaWorker] = first.settings
      options.programs = first.programs
    }
    options.environment["CRASH_AT"] = nil
    let ready = lab.folder.path + "/second-worker.json"
    try? FileManager.default.removeItem(atPath: ready)
    var environment = ProgramCommand.environment(of: .edaWorker, state: lab.state, options: options)
    environment["READY_FILE"] = ready
    let command = ProgramCommand(.edaWorker)
    let child = try ChildProcess.start(
      ChildProcess.Options(
        "\(options.programs ?? ProgramCommand.folder)/\(command.executable)", command.arguments,
        environment: environment, output: .file(lab.folder.logs + "/second-worker.log"), ownGroup: true))
    let process = RunningProcess(pid: child.pid)
    self.process = process
    arena.atEnd { await process?.end([(SIGTERM, .seconds(10))]) }
    let hasCome = try await arena.wait(20) { ReadyNote.read(ready)?.pid == child.pid }
    guard hasCome, let port = ReadyNote.read(ready)?.httpPort else {
      throw LabFailure("the second worker does not come; see \(lab.folder.logs)/second-worker.log")
    }
    (address, came) = (SocketAddress(numericHost: "127.0.0.1", port: port), arena.nowForCertain)
  }

  /// Stays so many seconds, and until it has partitions, but no longer than `most`.
  func stay(_ seconds: Double, most: Double) async throws {
    try await arena.sleep(seconds)
    _ = try await arena.wait(most - seconds) {
      if await self.look() > 0 { return true }
      await EventLoop.shared.sleep(for: .milliseconds(200))
      return false
    }
  }

  /// Ends it. The partitions that it took from the first one count as the bite.
  func go(_ signal: Int32) async throws {
    guard let process else { return }
    await look()
    let gone = arena.now
    process.signal(signal)
    if await !process.hasEnded(within: .seconds(15)) { process.signalTree(SIGKILL) }
    self.process = nil
    arena.blows.append(
      Blow(
        name: "a second worker came and went\(signal == SIGKILL ? " by kill -9" : "")", target: .worker,
        architecture: .eda, isOutage: false, from: came, to: gone, count: .given(partitions), isSurvived: true
      ))
  }

  /// How many partitions it shows a lag of: its own.
  @discardableResult
  private func look() async -> Int {
    guard let address,
      let answer = try? await HTTPClient.ask(address, HTTPRequest(.get, "/metrics"), within: .seconds(3))
    else { return partitions }
    let lines = String(decoding: answer.body, as: UTF8.self).split(separator: "\n")
    partitions = max(partitions, lines.count { $0.hasPrefix("coupon_consumer_lag{") })
    return partitions
  }
}
