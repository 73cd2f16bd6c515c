import EventLoop
import Foundation
import PrivateServers

extension LabCommand {
  static let status = LabCommand(
    "status", "what runs, where, and whether it is ready (exit code 1 where not)"
  ) {
    arguments, folder in
    try arguments.finish()
    guard let state = try LabState.read(folder), !state.parts.isEmpty else {
      Terminal.line("nothing runs in \(folder.path)")
      return 1
    }
    let report = await StatusReport.make(of: state, folder)
    for line in report.lines { Terminal.line(line) }
    return report.isHealthy ? 0 : 1
  }
}

/// What `lab status` shows.
struct StatusReport {
  var lines: [String]
  var isHealthy: Bool

  @LoopActor
  static func make(of state: LabState, _ folder: LabFolder) async -> StatusReport {
    var table = TextTable(head: ["part", "pid", "port", "state"])
    var isHealthy = true
    for part in state.parts {
      var word = "runs"
      if !part.process.isRunning {
        word = "has ended; see \(folder.log(of: part.part))"
        isHealthy = false
      } else if part.part.isProgram, let reason = await Readiness.ask(port: part.port) {
        word = "not ready: \(reason)"
        isHealthy = false
      } else if part.part.isProgram {
        word = "ready"
      }
      table.rows.append([part.part.rawValue, String(part.process.pid), String(part.port), word])
    }
    return StatusReport(lines: table.lines + [""] + addresses(of: state), isHealthy: isHealthy)
  }

  /// Where things are to be found, without secrets.
  static func addresses(of state: LabState) -> [String] {
    var lines: [String] = []
    if let monolith = state.part(.monolith) { lines.append("monolith    \(monolith.url)") }
    if let api = state.part(.edaAPI) { lines.append("eda         \(api.url)") }
    if let worker = state.part(.edaWorker) { lines.append("eda worker  \(worker.url)/metrics") }
    if let log = state.log, state.part(.edaAPI) != nil {
      lines.append("log         \(log.brokers), topic \(state.topic) (\(log.kind.rawValue))")
    }
    return lines
  }
}
