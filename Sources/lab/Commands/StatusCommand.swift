import EventLoop
import Foundation
import Laboratory
import PrivateServers
import Terminal

extension LabCommand {
  static let status = LabCommand(
    "status", "show what is running, where, and whether it is ready (exit code 1 if not)", usage: "[--json]",
    options: [
      ("--json", "the same for scripts, with the operators' addresses; of secrets, the file that holds them")
    ]
  ) {
    arguments, folder in
    let isJSON = arguments.flag("--json")
    try arguments.finish()
    let state = try LabState.read(folder)
    let file = await StatusFile(folder, state)
    if isJSON {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      Terminal.line(String(decoding: try encoder.encode(file), as: UTF8.self))
    } else if let state, !file.parts.isEmpty {
      for line in file.lines + [""] + StatusReport.addresses(of: state) { Terminal.line(line) }
      if let warning = StatusReport.openness(of: state, folder) { Terminal.line(warning) }
    } else {
      Terminal.line("nothing is running in \(folder.path)")
    }
    if !isJSON {
      for inner in file.others {
        let end =
          inner.isAtWork ? "a lab command is at work there" : "left by a killed command; lab down ends it"
        Terminal.line("also running, in \(inner.folder): \(inner.parts.joined(separator: ", ")) (\(end))")
      }
    }
    return file.healthy ? 0 : 1
  }
}

/// What `lab status` shows beside the parts.
enum StatusReport {
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

}

/// `lab status --json`. Nothing in it is secret.
struct StatusFile: Encodable {
  struct Part: Encodable {
    let part: String
    let pid: Int32
    let runs: Bool
    /// Of a program, whether it answers 200 to `/readyz?for=coupons`; of a server, whether it runs.
    let ready: Bool
    /// Why it does not run or is not ready.
    let reason: String?
    /// How often it was started again (`lab up --restart`); nil without a keeper.
    let restarts: Int?
    let port: Int
    /// Of programs: the public listener, and the operator's, as this machine reaches them.
    let url: String?
    let operatorUrl: String?

    @LoopActor
    init(_ known: LabState.Part, _ folder: LabFolder) async {
      let isProgram = known.part.isProgram
      (part, pid, port) = (known.part.rawValue, known.process.pid, known.port)
      let keeper = known.isKept == true ? KeeperNote.read(folder, known.part) : nil
      restarts = keeper.map { $0.nextAt == nil ? $0.ends : $0.ends - 1 }
      runs = known.process.isRunning && keeper?.nextAt == nil
      let unready = runs && isProgram ? await Readiness.ask(known.address) : nil
      let end = keeper?.nextAt == nil || !known.process.isRunning ? nil : keeper?.lastEnd
      reason =
        runs
        ? unready
        : end.map { "has ended (\($0)), is started again within 5 s; see \(folder.log(of: known.part))" }
          ?? "has ended; see \(folder.log(of: known.part))"
      ready = reason == nil
      url = isProgram ? known.url : nil
      operatorUrl = isProgram && known.adminPort > 0 ? known.operatorURL : nil
    }
  }

  struct Log: Encodable {
    let brokers: String
    let topic: String
    let kind: String
    let partitions: Int
  }

  let folder: String
  /// Nil where there is no laboratory: then nothing runs.
  let laboratory: String?
  let healthy: Bool
  let operatorTokenFile: String
  let log: Log?
  let parts: [Part]
  /// Laboratories of other commands below the folder, of which something runs.
  let others: [Other]

  struct Other: Encodable {
    let folder: String
    let parts: [String]
    let isAtWork: Bool
  }

  @LoopActor
  init(_ folder: LabFolder, _ state: LabState?) async {
    others = InnerLab.running(in: folder).map {
      Other(folder: $0.folder.path, parts: $0.running.map(\.part.rawValue), isAtWork: $0.isAtWork)
    }
    (self.folder, operatorTokenFile) = (folder.path, folder.operatorToken)
    var parts: [Part] = []
    for part in state?.parts ?? [] { parts.append(await Part(part, folder)) }
    self.parts = parts
    healthy = !parts.isEmpty && parts.allSatisfy(\.ready)
    // A laboratory that has stopped tells no more than its folder.
    let running = parts.isEmpty ? nil : state
    laboratory = running?.id
    log = running?.log.map {
      Log(brokers: $0.brokers, topic: running?.topic ?? "", kind: $0.kind.rawValue, partitions: $0.partitions)
    }
  }

  /// The table for people.
  var lines: [String] {
    var table = TextTable(head: ["part", "pid", "port", "state"])
    for part in parts {
      var word = part.url == nil ? "runs" : "ready"
      if let reason = part.reason { word = part.runs ? "not ready: \(reason)" : reason }
      if let restarts = part.restarts, restarts > 0 {
        word += ", started again \(restarts == 1 ? "once" : "\(restarts) times")"
      }
      table.rows.append([part.part, String(part.pid), String(part.port), word])
    }
    return table.lines
  }
}
