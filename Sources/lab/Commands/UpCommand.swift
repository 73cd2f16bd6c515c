import EventLoop
import Foundation

extension LabCommand {
  static let up = LabCommand(
    "up", "start servers and programs and wait until they are ready",
    usage: "[--only monolith|eda] [--kafka installed] [--partitions N] [--ready-within SECONDS]",
    options: [
      ("--only monolith|eda", "one architecture alone"),
      (
        "--kafka installed", "a private broker of an installed Kafka (KAFKA_HOME) instead of the embedded one"
      ),
      ("--partitions N", "of a new log; 8"),
      ("--ready-within SECONDS", "patience with the programs; 60"),
      ("DATABASE_URL=…", "in the environment: this PostgreSQL instead of a private one"),
      ("REDIS_URL=…", "this Redis instead of a private one"),
      ("KAFKA_BROKERS=…", "this Kafka instead of the embedded broker"),
      ("LOG_LEVEL=… and others", "every setting of the programs (monolith --help, eda --help)"),
    ]
  ) { arguments, folder in
    var options = UpOptions()
    if let only = try arguments.choice("--only", of: Architecture.allCases.map(\.rawValue)) {
      options.architectures = Set([Architecture(rawValue: only)].compactMap { $0 })
    }
    options.installedKafka = try arguments.choice("--kafka", of: ["installed", "embedded"]) == "installed"
    options.partitions = try arguments.integer("--partitions", in: 1...1024) ?? options.partitions
    if let seconds = try arguments.integer("--ready-within", in: 1...3600) {
      options.readyWithin = .seconds(seconds)
    }
    try arguments.finish()
    let interrupt = Interrupt()
    defer { interrupt.end() }
    let lab = try Lab.open(folder, interrupt: interrupt)
    try await lab.up(options)
    for line in StatusReport.addresses(of: lab.state) { Terminal.line(line) }
    return 0
  }

  static let down = LabCommand(
    "down", "stop the API, wait until everything is written, then stop the rest", usage: "[--now]",
    options: [
      (
        "--now",
        "do not wait for the worker; what it has not written is lost with the embedded broker, which else goes on"
      )
    ]
  ) { arguments, folder in
    let now = arguments.flag("--now")
    try arguments.finish()
    let interrupt = Interrupt()
    defer { interrupt.end() }
    let lab = try Lab.open(folder, interrupt: interrupt)
    guard !lab.state.running.isEmpty else {
      Terminal.line("nothing runs in \(folder.path)")
      return 0
    }
    try await lab.down(waitForLag: now ? .zero : .seconds(60))
    return 0
  }

  static let reset = LabCommand(
    "reset", "stop everything and drop this laboratory's data: tables, Redis keys, topic",
    usage: "", options: []
  ) { arguments, folder in
    try arguments.finish()
    guard FileManager.default.fileExists(atPath: folder.path) else {
      Terminal.line("there is no laboratory in \(folder.path)")
      return 0
    }
    let interrupt = Interrupt()
    defer { interrupt.end() }
    try await Lab.open(folder, interrupt: interrupt).reset()
    return 0
  }
}
