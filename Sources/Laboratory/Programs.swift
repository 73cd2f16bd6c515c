import EventLoop
import Foundation
import Kafka
import PrivateServers
import Terminal
import History

/// Starting the programs that lie beside `lab`.
extension Lab {
  /// Starts a program in a session of its own and waits until its `READY_FILE` says where it listens.
  func startProgram(_ part: LabPart, _ options: UpOptions) async throws -> ReadyNote {
    let command = ProgramCommand(part)
    let executable = try executable(of: command, options)
    let log = folder.log(of: part)
    let offset = ServerFiles.size(of: log)
    let file = folder.readyFile(of: part)
    try ServerFiles.makeFolder(folder.ready)
    try? FileManager.default.removeItem(atPath: file)
    try? FileManager.default.removeItem(atPath: folder.keeperFile(of: part))
    var environment = ProgramCommand.environment(of: part, state: state, options: options)
    environment["READY_FILE"] = file
    let isKept = options.restart && part.isProgram
    let started = try isKept ? keeper(of: part, options) : (executable, command.arguments)
    let child = try ChildProcess.start(
      ChildProcess.Options(
        started.0, started.1, environment: environment, output: .file(log), ownGroup: true))
    guard let process = RunningProcess(pid: child.pid) else { throw ended(part, log, offset) }
    note(part, process, runs: true)
    try remember(part, options)
    func isReady() -> ReadyNote? {
      // The file was removed: where a keeper stands between, it is the program's that it has started.
      ReadyNote.read(file).flatMap { isKept || $0.pid == process.pid ? $0 : nil }
    }
    let deadline = Instant.now + .seconds(30)
    while process.isRunning {
      if let ready = isReady() { return ready }
      try interrupt.check()
      guard Instant.now < deadline else {
        throw LabFailure("\(part.rawValue) does not listen after 30 s; see \(log)")
      }
      await EventLoop.shared.sleep(for: .milliseconds(10))
    }
    // One that is to crash may have done so since it listened.
    if let ready = isReady() { return ready }
    throw ended(part, log, offset)
  }

  private func keeper(
    of part: LabPart, _ options: UpOptions
  ) throws -> (String, [String]) {
    let programs = options.programs ?? ProgramCommand.folder
    let path = "\(programs)/lab"
    guard FileManager.default.isExecutableFile(atPath: path) else {
      throw LabFailure("\(path) is missing; build it with `make`")
    }
    return (path, ["--lab", folder.path, "keep", part.rawValue])
  }

  func executable(of command: ProgramCommand, _ options: UpOptions) throws -> String {
    let path = "\(options.programs ?? ProgramCommand.folder)/\(command.executable)"
    guard FileManager.default.isExecutableFile(atPath: path) else {
      throw LabFailure("\(path) is missing; build it with `make`")
    }
    return path
  }

  /// What starting it again needs to know.
  private func remember(_ part: LabPart, _ options: UpOptions) throws {
    var settings = options.environment.filter { SettingSource.user.contains($0.key) }
    settings.merge(options.settings[part] ?? [:]) { $1 }
    // One crash is enough.
    settings["CRASH_AT"] = nil
    // It is known from what is switched on, with what is left of its time.
    settings["COUPON_FAULT"] = nil
    try update { state in
      state.change(part) {
        ($0.settings, $0.programs) = (settings, options.programs)
        $0.isKept = options.restart && part.isProgram ? true : nil
      }
    }
  }

  func ended(_ part: LabPart, _ log: String, _ offset: UInt64 = 0) -> LabFailure {
    let text = ServerFiles.text(of: log, from: offset)
    // The last line says that it stops; the error before it says why.
    let error = text.split(whereSeparator: \.isNewline).last { $0.contains(" level=error ") }
    let line = error.map(String.init) ?? ServerFiles.lastLine(of: text)
    return LabFailure("\(part.rawValue) has ended: \(line) (see \(log))")
  }
}

/// How a part that is one of our programs is started.
package struct ProgramCommand: Sendable {
  package let executable: String
  package let arguments: [String]

  package init(_ part: LabPart) {
    switch part {
    case .monolith: (executable, arguments) = ("monolith", [])
    case .edaAPI: (executable, arguments) = ("eda", ["api"])
    case .edaWorker: (executable, arguments) = ("eda", ["worker"])
    case .kafka: (executable, arguments) = ("eda", ["broker"])
    case .postgres, .redis: preconditionFailure("\(part) is no program of ours")
    }
  }

  /// The folder of the running executable.
  package static var folder: String {
    URL(fileURLWithPath: Bundle.main.executablePath ?? CommandLine.arguments[0]).resolvingSymlinksInPath()
      .deletingLastPathComponent().path
  }

  /// The settings of the user's environment, so that every one that is not the laboratory's can be given to `lab up`, and
  /// the laboratory's own. Secrets travel here and never in arguments.
  package static func environment(of part: LabPart, state: LabState, options: UpOptions) -> [String: String] {
    var environment = ChildEnvironment.clean(options.environment, keeping: SettingSource.user)
    environment.merge((options.listen[part] ?? ListenOptions()).environment) { $1 }
    environment["COUPON_KEY"] = state.couponKey
    for (setting, url) in [("DATABASE_URL", state.database?.url), ("REDIS_URL", state.redis?.url)] {
      environment[setting] = url.flatMap { state.reached(setting, at: $0, by: part) }
    }
    if part == .edaAPI { environment["REDIS_CA"] = state.redis?.authorities }
    environment["KEY_PREFIX"] = state.keyPrefix
    environment["KAFKA_BROKERS"] = state.log?.brokers
    environment.merge(state.log?.security?.environment ?? [:]) { $1 }
    environment["KAFKA_TOPIC"] = state.topic
    environment["KAFKA_PARTITIONS"] = state.log.map { String($0.partitions) }
    environment["ADMIN_TOKEN"] = state.adminToken
    switch part {
    case .monolith: environment["DATABASE_SCHEMA"] = state.schema(of: .monolith)
    case .edaAPI, .edaWorker: environment["DATABASE_SCHEMA"] = state.schema(of: .eda)
    case .kafka, .postgres, .redis: break
    }
    if part == .edaAPI, let worker = state.part(.edaWorker), worker.adminPort > 0 {
      environment["ADMIN_PEERS"] = worker.operatorAddress.description
    }
    // What stands between a program and a server is given by the owner's address.
    for (setting, value) in options.settings[part] ?? [:] {
      environment[setting] = state.reached(setting, at: value, by: part)
    }
    return environment
  }
}
