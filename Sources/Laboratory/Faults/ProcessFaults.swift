import Faults
package import Scenarios
import EventLoop
import Foundation
import PrivateServers
import Terminal

/// Signals to real processes: the servers of this laboratory and its programs, by name.
extension Lab {
  /// SIGSTOP to all of it; it goes on by itself after `time`, at the first Ctrl-C, or when this process ends.
  package func pause(_ part: FaultedPart, for time: Duration) throws {
    let running = try runningPart(part)
    stopped.stop(running.part, running.process, for: time)
    if !isWatchingForInterrupt {
      isWatchingForInterrupt = true
      interrupt.onCome { [stopped] in stopped.continueAll() }
    }
  }

  /// Fine where it was not stopped.
  package func resume(_ part: FaultedPart) { stopped.continue(part.part) }

  /// SIGCONT to every part, also to those that another process has stopped.
  package func resumeAll() {
    stopped.continueAll()
    for part in state.parts { part.process.signalTree(SIGCONT) }
  }

  /// SIGKILL to all of it; its port and data are kept for `restart`.
  func kill(_ part: FaultedPart) async throws {
    let running = try runningPart(part)
    try refuseLossOfLog(part, "killed")
    await keepBites(of: running.part)
    running.process.signalTree(SIGKILL)
    stopped.forget(running.part)
    guard await running.process.hasEnded(within: .seconds(10)) else {
      throw LabFailure("\(part.rawValue) (pid \(running.process.pid)) does not end")
    }
  }

  /// Ends a program in its own way and starts it again, to end itself at a point (`CRASH_AT`).
  package func arm(_ part: FaultedPart, crashAt point: String) async throws {
    let known = try runningPart(part)
    // It leaves its consumer group at once, so that no partition waits for a timeout.
    await known.process.end(part.part.endings)
    try await restartProgram(known, ["CRASH_AT": point])
  }

  package func restart(_ part: FaultedPart) async throws {
    let known = try knownPart(part)
    try refuseLossOfLog(part, "restarted")
    if known.process.isRunning { try await kill(part) }
    let (log, port) = (folder.log(of: known.part), known.port)
    // The new process is noted, the end of the old one is not: the part's port is needed.
    let renewal: @LoopActor (RunningProcess, Bool) -> Void = { [weak self] process, runs in
      if runs { self?.note(known.part, process, runs: true) }
    }
    switch part {
    case .database:
      try await PrivatePostgres.adopt(
        in: folder.path, port: port, process: nil, log: log, onProcess: renewal
      ).restart()
    case .redis:
      try await PrivateRedis.adopt(in: folder.path, port: port, log: log, onProcess: renewal).restart()
    case .kafka:
      try await PrivateKafka.adopt(in: folder.path, port: port, log: log, onProcess: renewal).restart()
    case .monolith, .api, .worker: try await restartProgram(known)
    }
  }

  // MARK: - What may be broken

  private func runningPart(_ part: FaultedPart) throws -> LabState.Part {
    let known = try knownPart(part)
    guard known.process.isRunning else {
      throw LabFailure("\(part.rawValue) is not running; start it with lab fault \(part.rawValue) restart")
    }
    return known
  }

  /// A part that this laboratory has started, whether it runs or not.
  private func knownPart(_ part: FaultedPart) throws -> LabState.Part {
    let variable: String? =
      switch part {
      case .database where state.database?.isPrivate == false: "DATABASE_URL"
      case .redis where state.redis?.isPrivate == false: "REDIS_URL"
      case .kafka where state.log?.kind == .named: "KAFKA_BROKERS"
      default: nil
      }
    if let variable {
      throw LabFailure("\(part.rawValue) was named by \(variable); only servers that lab started are broken")
    }
    guard let known = state.part(part.part) else {
      throw LabFailure("\(part.rawValue) is not running; start it with lab up")
    }
    return known
  }

  private func refuseLossOfLog(_ part: FaultedPart, _ word: String) throws {
    guard part == .kafka, state.log?.kind == .embedded else { return }
    throw LabFailure(
      "the embedded broker holds the log in memory: \(word), it would lose it and every reader would stop; "
        + "stop --for pauses it, lab up --kafka installed has a broker that can be \(word)")
  }

  // MARK: - Starting again

  private func restartProgram(_ known: LabState.Part, _ more: [String: String] = [:]) async throws {
    let options = optionsOfRestart(known, more)
    try note(known.part, try await startProgram(known.part, options), on: options.listen[known.part])
    try await putBackSwitches(in: known.part)
  }

  /// Ends a program in its own way and starts it again on its port without an operator's listener, and so without fault
  /// switches; or with both again.
  package func renew(_ part: LabPart, withoutOperator: Bool) async throws {
    guard var known = state.part(part) else { throw LabFailure("\(part.rawValue) is not running") }
    await known.process.end(part.endings)
    known.settings = known.settings?.filter { !$0.key.hasPrefix("ADMIN_") }
    if withoutOperator {
      let none = ["ADMIN_PORT": "", "ADMIN_TOKEN": "", "ADMIN_PEERS": ""]
      let ready = try await startProgram(part, optionsOfRestart(known, none))
      try note(part, port: ready.httpPort ?? 0, adminPort: known.adminPort)
    } else {
      try await restartProgram(known)
    }
    try await awaitReadiness(of: [part], within: .seconds(60))
  }

  private func optionsOfRestart(_ known: LabState.Part, _ more: [String: String]) -> UpOptions {
    var options = UpOptions()
    // What it was told at its start is what it is told again, whoever starts it.
    options.environment = ChildEnvironment.clean(options.environment)
    options.programs = known.programs
    options.listen[known.part] = ListenOptions(of: known)
    options.settings[known.part] = (known.settings ?? [:]).merging(more) { $1 }
    options.restart = known.isKept ?? false
    if more["ADMIN_PORT"] != "", let bug = keptSwitches.bug(of: known.part) {
      options.settings[known.part]?["COUPON_FAULT"] = bug.json
    }
    return options
  }
}
