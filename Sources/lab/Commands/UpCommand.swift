import EventLoop
import Foundation
import History
import Laboratory
package import Terminal

extension LabCommand {
  static let up = LabCommand(
    "up", "start servers and programs and wait until they are ready",
    usage: """
      [--only monolith|eda] [--kafka installed] [--partitions N] [--ready-within SECONDS] [--restart]
             [--host ADDRESS] [--monolith-port N] [--eda-port N] [--worker-port N]
             [--operator-host ADDRESS] [--operator-ports N,…]
      """,
    options: [
      ("--only monolith|eda", "only this architecture"),
      (
        "--kafka installed", "a private broker of an installed Kafka (KAFKA_HOME) instead of the embedded one"
      ),
      ("--partitions N", "of a new log; 8"),
      ("--ready-within SECONDS", "how long to wait for the programs; 60"),
      (
        "--restart",
        "start a program again that has ended by itself, after 0.1 s, then twice as long, at most 5 s"
      ),
      ("--host ADDRESS", "the address to listen on, 0.0.0.0 for all; 127.0.0.1"),
      ("--monolith-port N", "the monolith's port; a free one"),
      (
        "--eda-port N, --worker-port N",
        "ports of the eda API, and of the worker's health and metrics; free ones"
      ),
      (
        "--operator-host ADDRESS",
        "the address for operators' calls, which need the laboratory's token; 127.0.0.1"
      ),
      (
        "--operator-ports N,…",
        "ports for operators' calls of monolith, eda API and eda worker, as far as they are started; free ones"
      ),
      ("DATABASE_URL=…", "in the environment: this PostgreSQL instead of a private one"),
      ("REDIS_URL=…", "this Redis instead of a private one"),
      ("KAFKA_BROKERS=…", "this Kafka instead of the embedded broker"),
      (
        "LOG_LEVEL=… and others",
        "settings of the programs (monolith --help, eda --help), except addresses, keys and names, which lab sets itself and refuses"
      ),
    ]
  ) { arguments, folder in
    var options = UpOptions()
    if let only = try arguments.architecture() { options.architectures = [only] }
    options.installedKafka = try arguments.choice("--kafka", of: ["installed", "embedded"]) == "installed"
    options.partitions = try arguments.number("--partitions", in: 1...1024) ?? options.partitions
    if let seconds = try arguments.number("--ready-within", in: 1...3600) {
      options.readyWithin = .seconds(seconds)
    }
    options.restart = arguments.flag("--restart")
    options.listen = try listenOptions(&arguments, options.parts)
    try arguments.finish()
    let lab = try Lab.open(folder, interrupt: .shared)
    try await lab.up(options)
    for line in StatusReport.addresses(of: lab.state) { Terminal.line(line) }
    if let warning = StatusReport.openness(of: lab.state, folder) { Terminal.line(warning) }
    return 0
  }

  /// What `--host`, the ports and the operator's say, for each program that is started.
  private static func listenOptions(
    _ arguments: inout CommandArguments, _ parts: [LabPart]
  ) throws(UsageError) -> [LabPart: ListenOptions] {
    let host = try arguments.address("--host") ?? ListenAddress.loopback
    let operatorHost = try arguments.address("--operator-host") ?? ListenAddress.loopback
    let order = [LabPart.monolith, .edaAPI, .edaWorker].filter(parts.contains)
    let operatorPorts = try arguments.ports("--operator-ports", of: order.map(\.rawValue))
    var listen: [LabPart: ListenOptions] = [:]
    let options: [(LabPart, String)] = [
      (.monolith, "--monolith-port"), (.edaWorker, "--worker-port"), (.edaAPI, "--eda-port"),
    ]
    for (part, option) in options {
      let port = try arguments.number(option, in: 1...65_535)
      guard let index = order.firstIndex(of: part) else {
        if port != nil { throw UsageError("\(option) is for a program that is not started") }
        continue
      }
      var program = ListenOptions()
      (program.host, program.port) = (host, port ?? 0)
      (program.operatorHost, program.operatorPort) = (operatorHost, operatorPorts?[index] ?? 0)
      listen[part] = program
    }
    let taken = listen.values.flatMap { [$0.port, $0.operatorPort] }.filter { $0 > 0 }
    guard Set(taken).count == taken.count else { throw UsageError("a port is given twice") }
    return listen
  }

  static let down = LabCommand(
    "down", "stop the API, wait until everything is written, then stop the rest", usage: "[--now]",
    options: [
      (
        "--now",
        "do not wait for the worker; with the embedded broker, what it has not written is lost"
      )
    ]
  ) { arguments, folder in
    let now = arguments.flag("--now")
    try arguments.finish()
    let lab = try Lab.open(folder, interrupt: .shared)
    let hadOthers = try await InnerLab.end(in: folder, interrupt: .shared)
    guard !lab.state.running.isEmpty else {
      if !hadOthers { Terminal.line("nothing is running in \(folder.path)") }
      return 0
    }
    try await lab.down(waitForLag: now ? .zero : .seconds(60))
    return 0
  }

  static let reset = LabCommand(
    "reset", "stop everything and drop this laboratory's data: tables, Redis keys, topic"
  ) { arguments, folder in
    try arguments.finish()
    guard FileManager.default.fileExists(atPath: folder.path) else {
      Terminal.line("there is no laboratory in \(folder.path)")
      return 0
    }
    let lab = try Lab.open(folder, interrupt: .shared)
    _ = try await InnerLab.end(in: folder, dropsData: true, interrupt: .shared)
    try await lab.reset()
    return 0
  }
}

extension CommandArguments {
  /// A numeric address of this machine.
  package mutating func address(_ name: String) throws(UsageError) -> String? {
    guard let value = try option(name) else { return nil }
    guard let address = SocketAddress.canonical(value) else {
      throw UsageError("\(name) must be a numeric address such as 0.0.0.0 or 192.168.0.10, not “\(value)”")
    }
    return address
  }

  /// As many ports as there are names, separated by commas.
  package mutating func ports(_ name: String, of names: [String]) throws(UsageError) -> [Int]? {
    guard let value = try option(name) else { return nil }
    let fields = value.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
    let ports = fields.compactMap { $0 }.filter { (1...65_535).contains($0) }
    guard ports.count == names.count, fields.count == names.count else {
      throw UsageError(
        "\(name) must be \(names.count) ports with commas between them (\(names.joined(separator: ","))), not “\(value)”"
      )
    }
    return ports
  }
}
