package import EventLoop
internal import Foundation

/// A private broker of an installed Apache Kafka: `KAFKA_HOME`, or `kafka-server-start` on the path.
@LoopActor
package final class PrivateKafka: PrivateServer {
  package private(set) var port = 0
  package var process: RunningProcess?
  package let onProcess: @LoopActor (RunningProcess, Bool) -> Void
  package let log: String
  private let directory: String
  private let tools: Tools
  private let environment: [String: String]

  /// The address for clients: `127.0.0.1:port`.
  package var brokers: String { "127.0.0.1:\(port)" }

  package struct Tools: Sendable {
    package let server: String
    package let storage: String
  }

  private var extra: [String] = []
  private var users: [String] = []

  private init(
    in directory: String, log: String?, _ environment: [String: String],
    onProcess: @escaping @LoopActor (RunningProcess, Bool) -> Void
  ) throws {
    (self.directory, self.log) = (directory + "/kafka", log ?? directory + "/kafka.log")
    (self.environment, self.onProcess) = (environment, onProcess)
    tools = try PrivateKafka.findTools(environment)
  }

  /// Whether an installation of Kafka is found.
  package nonisolated static var isInstalled: Bool {
    (try? findTools(ProcessInfo.processInfo.environment)) != nil
  }

  /// The version of the installed Kafka, as `4.1.1`; nil if it reports none.
  package static func version(
    _ environment: [String: String] = ProcessInfo.processInfo.environment
  ) async -> String? {
    guard let tools = try? findTools(environment),
      let child = try? ChildProcess.start(
        ChildProcess.Options(
          tools.server, ["--version"], environment: toolEnvironment(environment),
          output: .capture(limit: 4096)))
    else { return nil }
    let limit = EventLoop.shared.schedule(after: .seconds(15)) { child.signal(SIGKILL) }
    defer { limit.cancel() }
    guard await child.exit().isSuccess else { return nil }
    // Log lines may come before or after the version.
    let version = String(decoding: child.captured, as: UTF8.self).firstMatch(of: /[0-9]+\.[0-9]+\.[0-9]+/)
    return version.map { String($0.output) }
  }

  /// - Parameters:
  ///   - extra: further lines of `server.properties`, with `$PORT` and `$CONTROLLER` for its two ports; a later one wins.
  ///   - users: who may log in by SCRAM, as `SCRAM-SHA-256=[name=…,password=…]`; secret.
  /// - Throws: `ServerFailure`, `SpawnError`, `SocketError`.
  package static func start(
    in directory: String, log: String? = nil,
    environment: [String: String] = ProcessInfo.processInfo.environment, extra: [String] = [],
    users: [String] = [],
    onProcess: @escaping @LoopActor (RunningProcess, Bool) -> Void = { _, _ in }
  ) async throws -> PrivateKafka {
    let server = try PrivateKafka(in: directory, log: log, environment, onProcess: onProcess)
    (server.extra, server.users) = (extra, users)
    try ServerFiles.makeFolder(server.directory)
    try await Launch.onFreePort("Kafka") { port in
      server.port = port
      try await server.launch()
    }
    return server
  }

  /// A broker that was started in `directory` and has ended.
  package static func adopt(
    in directory: String, port: Int, log: String? = nil,
    environment: [String: String] = ProcessInfo.processInfo.environment,
    onProcess: @escaping @LoopActor (RunningProcess, Bool) -> Void = { _, _ in }
  ) throws -> PrivateKafka {
    let server = try PrivateKafka(in: directory, log: log, environment, onProcess: onProcess)
    server.port = port
    return server
  }

  package func stop() async { await end([(SIGTERM, .seconds(30))]) }

  /// Restarts it on the same port, with the same data.
  package func restart() async throws {
    if isRunning { await stop() }
    do { try await launch() } catch Launch.Failure.portTaken {
      throw ServerFailure("Kafka: port \(port) was taken meanwhile")
    } catch Launch.Failure.failed(let reason) { throw ServerFailure(reason) }
  }

  /// The programs of an installation.
  package nonisolated static func findTools(_ environment: [String: String]) throws -> Tools {
    if let named = environment["KAFKA_HOME"], !named.isEmpty {
      // The tools run in another folder.
      let home = URL(fileURLWithPath: named).path
      let tools = Tools(server: home + "/bin/kafka-server-start.sh", storage: home + "/bin/kafka-storage.sh")
      guard Binaries.isExecutable(tools.server), Binaries.isExecutable(tools.storage) else {
        throw ServerFailure("KAFKA_HOME=\(home) holds no bin/kafka-server-start.sh and bin/kafka-storage.sh")
      }
      return tools
    }
    for suffix in ["", ".sh"] {
      if let server = Binaries.find("kafka-server-start" + suffix, environment: environment),
        let storage = Binaries.find("kafka-storage" + suffix, environment: environment)
      {
        return Tools(server: server, storage: storage)
      }
    }
    throw ServerFailure("no installed Kafka: set KAFKA_HOME, or put kafka-server-start on the PATH")
  }

  private func launch() async throws {
    let file = "server.properties"
    try ServerFiles.writeSecret(Data(try settings().utf8), to: "\(directory)/\(file)")
    let logOffset = ServerFiles.size(of: log)
    let (status, _) = try await ChildProcess.run(
      options(
        tools.storage,
        ["format", "--cluster-id", "TimeAttackLab0000000000", "--config", file, "--ignore-formatted"]
          + users.flatMap { ["--add-scram", $0] }))
    guard status.isSuccess else {
      let line = ServerFiles.lastLine(of: ServerFiles.text(of: log, from: logOffset))
      throw ServerFailure("Kafka's storage cannot be formatted: \(line) (see \(log))")
    }
    let port = port
    try await Launch.start("Kafka", of: self, options(tools.server, [file]), log: log, patience: .seconds(90))
    {
      _, _ in
      await Launch.accepts(port: port)
    }
  }

  /// In the server's own folder, so that no setting names a path: in a list of folders no comma can be escaped, and
  /// Kafka's scripts take a path apart at blanks and colons.
  private func options(_ tool: String, _ arguments: [String]) -> ChildProcess.Options {
    var environment = PrivateKafka.toolEnvironment(environment)
    environment["KAFKA_HEAP_OPTS"] = environment["KAFKA_HEAP_OPTS"] ?? "-Xms256m -Xmx256m"
    environment["LOG_DIR"] = "logs"
    return ChildProcess.Options(
      tool, arguments, environment: environment, directory: directory, output: .file(log), ownGroup: true)
  }

  /// Java reads and writes the names of files in the locale's letters: in another locale than UTF-8 the folder that it
  /// stands in would have another name.
  private nonisolated static func toolEnvironment(_ environment: [String: String]) -> [String: String] {
    ChildEnvironment.clean(environment, keeping: ["JAVA_HOME", "KAFKA_HEAP_OPTS"])
      .merging(["LC_ALL": "C.UTF-8"]) { $1 }
  }

  /// A single node that is both broker and controller.
  private func settings() throws -> String {
    let controller = try Sockets.freePort()
    return """
      process.roles=broker,controller
      node.id=1
      listeners=PLAINTEXT://127.0.0.1:\(port),CONTROLLER://127.0.0.1:\(controller)
      advertised.listeners=PLAINTEXT://127.0.0.1:\(port)
      controller.listener.names=CONTROLLER
      controller.quorum.voters=1@127.0.0.1:\(controller)
      listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
      log.dirs=data
      num.network.threads=2
      num.io.threads=2
      offsets.topic.num.partitions=1
      offsets.topic.replication.factor=1
      transaction.state.log.num.partitions=1
      transaction.state.log.replication.factor=1
      transaction.state.log.min.isr=1
      group.initial.rebalance.delay.ms=0
      log.retention.ms=-1
      auto.create.topics.enable=false
      """ + "\n"
        + extra.map {
          $0.replacing("$PORT", with: "\(port)").replacing("$CONTROLLER", with: "\(controller)") + "\n"
        }.joined()
  }
}
