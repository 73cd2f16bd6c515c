import EventLoop
import Foundation
import Laboratory
import PrivateServers
import Terminal

extension LabCommand {
  static let status = LabCommand(
    "status", "what runs, where, and whether it is ready (exit code 1 where not)", usage: "[--json]",
    options: [
      ("--json", "for programs: the same, with the operator's addresses; secrets are named by their file")
    ]
  ) {
    arguments, folder in
    let isJSON = arguments.flag("--json")
    try arguments.finish()
    guard let state = try LabState.read(folder), !state.parts.isEmpty else {
      if isJSON {
        try StatusReport.write(StatusFile(folder: folder, state: nil, parts: []))
      } else {
        Terminal.line("nothing runs in \(folder.path)")
      }
      return 1
    }
    let parts = await StatusReport.look(at: state, folder)
    if isJSON {
      try StatusReport.write(StatusFile(folder: folder, state: state, parts: parts))
    } else {
      for line in StatusReport.lines(of: state, parts) { Terminal.line(line) }
      if let warning = StatusReport.openness(of: state, folder) { Terminal.line(warning) }
    }
    return parts.allSatisfy(\.isHealthy) ? 0 : 1
  }
}

/// How one part is, as `lab status` has found it.
struct PartStatus {
  let part: LabState.Part
  let runs: Bool
  /// Of a program, whether it answers 200 to `/readyz`; of a server, whether it runs.
  let ready: Bool
  /// Why it does not run or is not ready.
  let reason: String?

  var isHealthy: Bool { runs && ready }
}

/// What `lab status` shows.
enum StatusReport {
  @LoopActor
  static func look(at state: LabState, _ folder: LabFolder) async -> [PartStatus] {
    var found: [PartStatus] = []
    for part in state.parts {
      let runs = part.process.isRunning
      var reason: String?
      if !runs {
        reason = "has ended; see \(folder.log(of: part.part))"
      } else if part.part.isProgram {
        reason = await Readiness.ask(part.address)
      }
      found.append(PartStatus(part: part, runs: runs, ready: reason == nil, reason: reason))
    }
    return found
  }

  static func lines(of state: LabState, _ parts: [PartStatus]) -> [String] {
    var table = TextTable(head: ["part", "pid", "port", "state"])
    for part in parts {
      var word = part.part.part.isProgram ? "ready" : "runs"
      if let reason = part.reason { word = part.runs ? "not ready: \(reason)" : reason }
      table.rows.append(
        [part.part.part.rawValue, String(part.part.process.pid), String(part.part.port), word])
    }
    return table.lines + [""] + addresses(of: state)
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

  /// One line that says what other machines reach; nil where they reach nothing.
  static func openness(of state: LabState, _ folder: LabFolder) -> String? {
    func open(
      _ host: (LabState.Part) -> String?, _ port: (LabState.Part) -> Int
    ) -> [String] {
      state.parts.filter { $0.part.isProgram && port($0) > 0 && ListenAddress(host($0)).isOpen }.map {
        "\($0.part.rawValue) \(SocketAddress(numericHost: ListenAddress(host($0)).host, port: port($0)))"
      }
    }
    let (people, operators) = (open(\.host, \.port), open(\.adminHost, \.adminPort))
    guard !people.isEmpty || !operators.isEmpty else { return nil }
    var words: [String] = []
    if !people.isEmpty { words.append(people.joined(separator: ", ")) }
    if !operators.isEmpty {
      words.append(
        "operators' calls: \(operators.joined(separator: ", ")), with the token in \(folder.operatorToken)")
    }
    return "! open to other machines: " + words.joined(separator: "; ")
  }

  static func write(_ file: StatusFile) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    Terminal.line(String(decoding: try encoder.encode(file), as: UTF8.self))
  }
}

/// `lab status --json`. Nothing in it is secret.
struct StatusFile: Encodable {
  struct Part: Encodable {
    let part: String
    let pid: Int32
    let runs: Bool
    let ready: Bool
    let reason: String?
    let port: Int
    /// Of programs: the public listener, and the operator's, as this machine reaches them.
    let url: String?
    let operatorUrl: String?
  }

  struct Log: Encodable {
    let brokers: String
    let topic: String
    let kind: String
    let partitions: Int
  }

  let folder: String
  /// Nil where there is no laboratory.
  let laboratory: String?
  let healthy: Bool
  let operatorTokenFile: String
  let log: Log?
  let parts: [Part]

  init(folder: LabFolder, state: LabState?, parts: [PartStatus]) {
    (self.folder, laboratory) = (folder.path, state?.id)
    healthy = !parts.isEmpty && parts.allSatisfy(\.isHealthy)
    operatorTokenFile = folder.operatorToken
    log = state.flatMap { state in
      state.log.map {
        Log(brokers: $0.brokers, topic: state.topic, kind: $0.kind.rawValue, partitions: $0.partitions)
      }
    }
    self.parts = parts.map { status in
      let part = status.part
      return Part(
        part: part.part.rawValue, pid: part.process.pid, runs: status.runs, ready: status.ready,
        reason: status.reason, port: part.port, url: part.part.isProgram ? part.url : nil,
        operatorUrl: part.part.isProgram && part.adminPort > 0 ? part.operatorURL : nil)
    }
  }
}
