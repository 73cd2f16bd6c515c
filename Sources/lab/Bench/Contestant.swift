import Figures
import EventLoop
import Foundation
import HTTP
import History
import Laboratory
import Load
import PrivateServers
import Reports
import Terminal

/// A server that is measured.
struct Contestant {
  let name: String
  let address: SocketAddress
  /// Whose processor time is counted; empty where that is not known.
  let processes: [Int32]

  /// Of the processes, together.
  var cpuSeconds: Double? {
    let all = processes.compactMap { ProcessTable.cpuSeconds(of: $0) }
    return all.isEmpty || all.count < processes.count ? nil : all.reduce(0, +)
  }

  /// Runs the load and notes rate, processor time and latency.
  ///
  /// - Throws: `LabFailure` where an answer has another status than the one that is expected: what is measured then is
  ///   something else.
  @LoopActor
  func measure(
    _ section: BenchSection, _ part: String, connections: Int, seconds: Double, expecting status: Int,
    _ people: @escaping NextRequest, into figures: BenchFigures?
  ) async throws {
    let before = cpuSeconds
    let result = try await ClosedLoop.run(
      at: address, connections: connections, for: .milliseconds(Int(seconds * 1_000)), expecting: status,
      next: people)
    guard result.answered > 0, result.wrong == 0 else {
      throw LabFailure(
        "\(part), \(name): \(result.wrong) wrong answers beside \(result.answered) right ones; the first: "
          + (result.firstWrong ?? "none"))
    }
    guard let figures else { return }
    let count = Double(result.answered)
    figures.add(section, part, name, .rate, count / result.seconds)
    if let before, let after = cpuSeconds {
      figures.add(section, part, name, .cpu, (after - before) * 1e6 / count)
    }
    for (measure, quantile) in [(BenchMeasure.p50, 0.5), (.p99, 0.99)] {
      guard let latency = result.latency.milliseconds(quantile) else { continue }
      figures.add(section, part, name, measure, latency)
    }
  }
}

/// A program that the bench starts beside the laboratory's parts; it ends with `end`.
@LoopActor
final class BenchProgram {
  let child: ChildProcess
  let ready: ReadyNote
  let contestant: Contestant

  /// Starts it and waits until it listens.
  ///
  /// - Parameters:
  ///   - name: of its files.
  ///   - process: runs as soon as it is started.
  init(
    _ name: String, _ contestant: String, _ executable: String, _ arguments: [String],
    environment: [String: String], in lab: Lab
  ) async throws {
    let log = "\(lab.folder.logs)/bench-\(name).log"
    let file = "\(lab.folder.ready)/bench-\(name).json"
    try ServerFiles.makeFolder(lab.folder.ready)
    try? FileManager.default.removeItem(atPath: file)
    var environment = environment
    environment["READY_FILE"] = file
    let child = try ChildProcess.start(
      ChildProcess.Options(executable, arguments, environment: environment, output: .file(log)))
    self.child = child
    lab.interrupt.onCome { child.signal(SIGTERM) }
    let deadline = Instant.now + .seconds(30)
    while true {
      guard Instant.now < deadline, child.isRunning else {
        child.signal(SIGKILL)
        throw LabFailure("\(name) does not listen; see \(log)")
      }
      if let ready = ReadyNote.read(file), ready.pid == child.pid {
        self.ready = ready
        break
      }
      await EventLoop.shared.sleep(for: .milliseconds(2))
    }
    self.contestant = Contestant(
      name: contestant, address: SocketAddress(numericHost: "127.0.0.1", port: ready.httpPort ?? 0),
      processes: [child.pid])
  }

  /// One of our programs, with the laboratory's settings and these over them.
  static func part(
    _ part: LabPart, _ name: String, _ contestant: String, _ settings: [String: String], in lab: Lab,
    _ options: UpOptions
  ) async throws -> BenchProgram {
    let command = ProgramCommand(part)
    var environment = ProgramCommand.environment(of: part, state: lab.state, options: options)
    environment.merge(settings) { $1 }
    return try await BenchProgram(
      name, contestant, "\(ProgramCommand.folder)/\(command.executable)", command.arguments,
      environment: environment, in: lab)
  }

  func end() async {
    child.signal(SIGTERM)
    let patience = EventLoop.shared.schedule(after: .seconds(15)) { [child] in child.signal(SIGKILL) }
    _ = await child.exit()
    patience.cancel()
  }

  /// The value of a metric; nil where the program has none of that name.
  func metric(_ name: String) async throws -> Double? {
    let answer = try await HTTPClient.ask(
      contestant.address, HTTPRequest(.get, "/metrics"), within: .seconds(5))
    let line = String(decoding: answer.body, as: UTF8.self).split(separator: "\n").first {
      $0.hasPrefix(name + " ")
    }
    return line.flatMap { Double($0.dropFirst(name.count + 1)) }
  }
}

/// Requests of people who have asked before, from the first of them to the last and again.
func returningPeople(_ prefix: String, _ count: Int, policy: Int) -> NextRequest {
  let requests = (0..<count).map { couponRequest("\(prefix)\($0)", policy: policy) }
  var next = 0
  return {
    defer { next = next + 1 == count ? 0 : next + 1 }
    return requests[next]
  }
}

/// Requests of people who have not, without an end.
func endlessPeople(_ prefix: String, policy: Int) -> NextRequest {
  var count = 0
  return {
    count += 1
    return couponRequest("\(prefix)\(count)", policy: policy)
  }
}

func couponRequest(_ person: String, policy: Int) -> [UInt8] {
  Array(
    """
    POST /v1/policies/\(policy)/coupons HTTP/1.1\r
    Host: bench\r
    X-User-Id: \(person)\r
    Content-Length: 0\r
    \r

    """.utf8)
}
