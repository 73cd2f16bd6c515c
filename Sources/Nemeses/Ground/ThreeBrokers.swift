import CouponStore
import EventLoop
import Foundation
import Kafka
import PrivateServers
import Terminal

/// Three brokers of an installed Kafka, each of which can be killed.
@LoopActor
final class ThreeBrokers {
  private final class Broker {
    let id: Int
    let port: Int
    let controller: Int
    var process: RunningProcess?

    init(_ id: Int) throws {
      self.id = id
      (port, controller) = (try Sockets.freePort(), try Sockets.freePort())
    }
  }

  private let folder: String
  private let tools: PrivateKafka.Tools
  private var brokers: [Broker] = []

  /// What `KAFKA_BROKERS` takes.
  var addresses: String { brokers.map { "127.0.0.1:\($0.port)" }.joined(separator: ",") }

  private static let patience = Duration.seconds(90)

  static func start(in folder: String) async throws -> ThreeBrokers {
    let cluster = try ThreeBrokers(folder)
    do {
      for broker in cluster.brokers { try await cluster.format(broker) }
      for broker in cluster.brokers { try cluster.launch(broker) }
      for broker in cluster.brokers { try await cluster.accepts(broker) }
    } catch {
      await cluster.stop()
      throw error
    }
    return cluster
  }

  private init(_ folder: String) throws {
    self.folder = folder
    tools = try PrivateKafka.findTools(ProcessInfo.processInfo.environment)
    brokers = try (1...3).map { try Broker($0) }
  }

  /// SIGKILL; it stays down until `restart`.
  func kill(_ id: Int) async throws {
    let process = try process(id)
    process.signalTree(SIGKILL)
    guard await process.hasEnded(within: .seconds(10)) else { throw LabFailure("broker \(id) does not end") }
  }

  /// SIGSTOP: as a machine that is gone, it closes no connection and answers nothing.
  func freeze(_ id: Int) throws { try process(id).signalTree(SIGSTOP) }

  func thaw(_ id: Int) { try? process(id).signalTree(SIGCONT) }

  private func process(_ id: Int) throws -> RunningProcess {
    guard let process = brokers.first(where: { $0.id == id })?.process else {
      throw LabFailure("no broker \(id)")
    }
    return process
  }

  func restart(_ id: Int) async throws {
    guard let broker = brokers.first(where: { $0.id == id }) else { return }
    try launch(broker)
    try await accepts(broker)
  }

  /// Which broker leads each partition of a topic now; −1: none.
  ///
  /// - Parameter gone: one that is not asked.
  func leaders(_ topic: String, without gone: Int? = nil) async throws -> [Int] {
    try await describe(topic, without: gone).leaders.map { Int($0) }
  }

  /// Whether every copy of every partition of these topics is in sync.
  func isWhole(_ topics: [String]) async -> Bool {
    for topic in topics {
      guard let found = try? await describe(topic).topic, found.isWhole else { return false }
    }
    return true
  }

  private func describe(_ topic: String, without gone: Int? = nil) async throws -> KafkaCluster {
    let running = brokers.filter { $0.id != gone }.map { "127.0.0.1:\($0.port)" }
    let configuration = KafkaConfiguration(brokers: running.joined(separator: ","), clientID: "lab")
    let admin = try KafkaAdmin(configuration: configuration)
    defer { EventLoop.shared.spawn { await admin.close() } }
    return try await admin.describe(topic, deadline: .now + .seconds(10))
  }

  func stop() async {
    for broker in brokers {
      thaw(broker.id)
      guard let process = broker.process else { continue }
      process.signal(SIGTERM)
    }
    for broker in brokers {
      await broker.process?.end([(SIGTERM, .seconds(15))])
      broker.process = nil
    }
  }

  // MARK: - One broker

  private func home(_ broker: Broker) -> String { "\(folder)/\(broker.id)" }

  private func format(_ broker: Broker) async throws {
    try ServerFiles.makeFolder(home(broker))
    let file = home(broker) + "/server.properties"
    try ServerFiles.writeSecret(Data(settings(broker).utf8), to: file)
    let (status, _) = try await ChildProcess.run(
      options(
        broker, tools.storage,
        [
          "format", "--cluster-id", "TimeAttackLab0000000000", "--config", file, "--ignore-formatted",
        ]))
    guard status.isSuccess else {
      throw LabFailure("Kafka's storage cannot be formatted: see \(home(broker))/kafka.log")
    }
  }

  private func launch(_ broker: Broker) throws {
    let child = try ChildProcess.start(options(broker, tools.server, [home(broker) + "/server.properties"]))
    broker.process = RunningProcess(pid: child.pid)
  }

  private func accepts(_ broker: Broker) async throws {
    let deadline = Instant.now + ThreeBrokers.patience
    let configuration = KafkaConfiguration(brokers: "127.0.0.1:\(broker.port)", clientID: "lab")
    let admin = try KafkaAdmin(configuration: configuration)
    defer { EventLoop.shared.spawn { await admin.close() } }
    while (try? await admin.describe(Names.topic, deadline: .now + .seconds(2))) == nil {
      guard broker.process?.isRunning == true, Instant.now < deadline else {
        throw LabFailure("broker \(broker.id) does not answer; see \(home(broker))/kafka.log")
      }
      await EventLoop.shared.sleep(for: .milliseconds(200))
    }
  }

  private func options(_ broker: Broker, _ tool: String, _ arguments: [String]) -> ChildProcess.Options {
    var environment = ProcessInfo.processInfo.environment
    environment["KAFKA_HEAP_OPTS"] = environment["KAFKA_HEAP_OPTS"] ?? "-Xms256m -Xmx256m"
    environment["LOG_DIR"] = home(broker) + "/logs"
    return ChildProcess.Options(
      tool, arguments, environment: environment, directory: home(broker),
      output: .file(home(broker) + "/kafka.log"), ownGroup: true)
  }

  private func settings(_ broker: Broker) -> String {
    """
    process.roles=broker,controller
    node.id=\(broker.id)
    listeners=PLAINTEXT://127.0.0.1:\(broker.port),CONTROLLER://127.0.0.1:\(broker.controller)
    advertised.listeners=PLAINTEXT://127.0.0.1:\(broker.port)
    controller.listener.names=CONTROLLER
    controller.quorum.voters=\(brokers.map { "\($0.id)@127.0.0.1:\($0.controller)" }.joined(separator: ","))
    listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
    log.dirs=\(home(broker))/data
    num.network.threads=2
    num.io.threads=2
    default.replication.factor=3
    min.insync.replicas=2
    offsets.topic.num.partitions=1
    offsets.topic.replication.factor=3
    transaction.state.log.num.partitions=1
    transaction.state.log.replication.factor=3
    transaction.state.log.min.isr=2
    broker.session.timeout.ms=3000
    group.initial.rebalance.delay.ms=0
    log.retention.ms=-1
    auto.create.topics.enable=false
    """ + "\n"
  }
}
