package import EventLoop
import Faults
import Foundation
import History
import PrivateServers
import Terminal

/// The supervisor of one program (`lab up --restart`): a process of its own between the laboratory and the program, which
/// starts it again when it has ended by itself.
///
///     start ─▶ listens ─▶ ended by itself ─▶ pause (0.1 s … 5 s) ─▶ start …      same ports, same settings, switches put back
///       └──────────────────── ended before it has ever listened, or with code 0 ─▶ the keeper ends as well
///     SIGTERM, SIGINT ─▶ the program drains ─▶ the keeper ends
///
/// `lab.json` names the keeper: whoever stops or kills the part reaches it and the program below it.
@LoopActor
package final class ProgramKeeper {
  private let part: LabPart
  private let folder: LabFolder
  private let executable: String
  private var environment: [String: String]
  private var pause = RestartPause()
  private var note: KeeperNote?
  private var child: ChildProcess?
  private var hasListened = false
  private var isStopped = false
  private var pausing: Completion<Void>?

  /// - Parameter environment: the program's.
  package init(_ part: LabPart, in folder: LabFolder, programs: String, environment: [String: String]) {
    (self.part, self.folder) = (part, folder)
    executable = "\(programs)/\(ProgramCommand(part).executable)"
    self.environment = environment
  }

  /// Until the program has ended for good.
  ///
  /// - Returns: its exit code; 1 for a signal.
  package func run() async throws -> Int32 {
    let signals = [SIGTERM, SIGINT].map { number in EventLoop.shared.onSignal(number) { self.stop() } }
    defer { for signal in signals { signal.stop() } }
    while true {
      let start = Instant.now
      let child = try begin()
      let ready = EventLoop.shared.spawn { await self.awaitReady(child) }
      let status = await child.exit()
      await ready.value
      guard !isStopped, hasListened, !status.isSuccess else { return status.exitCode }
      let time = pause.after(running: .now - start)
      try ended(status, startsIn: time)
      let pausing = Completion<Void>()
      self.pausing = pausing
      _ = try? await pausing.value(deadline: .now + time)
      if isStopped { return 0 }
    }
  }

  private func stop() {
    isStopped = true
    pausing?.succeed(())
    child?.signal(SIGTERM)
  }

  private func begin() throws -> ChildProcess {
    try? FileManager.default.removeItem(atPath: folder.readyFile(of: part))
    environment["READY_FILE"] = folder.readyFile(of: part)
    // What is wrong in the code is wrong from the first request on.
    environment["COUPON_FAULT"] = KeptSwitches(folder).bug(of: part)?.json
    let child = try ChildProcess.start(
      ChildProcess.Options(executable, ProgramCommand(part).arguments, environment: environment))
    self.child = child
    guard let process = RunningProcess(pid: child.pid) else { return child }
    var note = note ?? KeeperNote(program: process)
    (note.program, note.nextAt) = (process, nil)
    try remember(note)
    return child
  }

  /// The ports that it has got are its own from now on, and it gets back the switches that it had.
  private func awaitReady(_ child: ChildProcess) async {
    while child.isRunning {
      if let ready = ReadyNote.read(folder.readyFile(of: part)), ready.pid == child.pid {
        environment["HTTP_PORT"] = ready.httpPort.map(String.init)
        if let port = ready.adminPort { environment["ADMIN_PORT"] = String(port) }
        defer { hasListened = true }
        guard hasListened else { return }
        do { try await Lab.look(folder, interrupt: .shared).putBackSwitches(in: part) } catch {
          say("its switches are not put back: \(error)")
        }
        return
      }
      await EventLoop.shared.sleep(for: .milliseconds(10))
    }
  }

  private func ended(_ status: ExitStatus, startsIn time: Duration) throws {
    guard var note else { return }
    note.ends += 1
    note.lastEnd = status.description
    note.nextAt = LabFaultRecord.now + Int64(time.milliseconds)
    try remember(note)
    say(
      "\(part.rawValue) has ended (\(status)); it is started again in \(Numbers.duration(milliseconds: time.milliseconds))"
    )
  }

  private func remember(_ note: KeeperNote) throws {
    self.note = note
    try note.write(folder, part)
  }

  /// Its standard error is the program's log.
  private func say(_ text: String) { Terminal.error("keeper: \(text)") }
}

extension ExitStatus {
  fileprivate var exitCode: Int32 {
    switch self {
    case .code(let code): code
    case .signal: 1
    }
  }
}
