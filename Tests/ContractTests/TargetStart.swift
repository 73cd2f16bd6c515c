import TestSupport
import CouponAPI
import CouponStore
import EventLoop
import Foundation
import HTTP
import Kafka
import Operations
import PrivateServers
import Programs

/// Starts the servers of a target, with everything they need, for the life of the test process.
@LoopActor
enum TargetStart {
  static func start(_ kind: TargetKind) async throws -> Target {
    Platform.raiseDescriptorLimit()
    switch kind {
    case .memory: return try await memory()
    case .monolith: return try await monolith(kind, strategy: "for-update")
    case .monolithCached: return try await monolith(kind, strategy: "for-update-cached")
    case .monolithBatched: return try await monolith(kind, strategy: "for-update-batched")
    case .eda:
      let topic = "contract"
      let broker = try KafkaMockBroker(topic: topic, partitions: 4)
      brokers.append(broker)
      return try await eda(kind, brokers: broker.bootstrapServers, topic: topic)
    case .edaOnKafka:
      let topic = "contract-\(ProcessInfo.processInfo.processIdentifier)-\(Int(Date().timeIntervalSince1970))"
      return try await eda(kind, brokers: TargetKind.kafkaBrokers ?? "", topic: topic)
    }
  }

  private static var applications: [Application] = []
  private static var brokers: [KafkaMockBroker] = []

  private static func memory() async throws -> Target {
    var reader = SettingsReader(
      environment: ["HTTP_PORT": "0", "ADMIN_PORT": "0", "ADMIN_TOKEN": Target.token], arguments: [])
    let server = try ServerSettings(&reader, defaultPort: 0)
    let admin = try AdminSettings(&reader)
    try reader.finish()
    guard let key = CouponKey(Target.couponKey) else { throw ContractFailure("no key") }
    let stays = (1...3).map { Stay(id: $0, name: "Stay \($0)", city: "Seoul", roomsLeft: 100) }
    let application = Application(
      server: server, admin: admin,
      services: APIServices(coupons: MemoryCouponService(key: key), bystander: MemoryBystander(stays)),
      parts: [],
      context: ProgramContext(
        log: Log(program: "memory", level: .error, output: LogOutput()), metrics: Metrics()),
      clock: SystemClock())
    try await application.start()
    applications.append(application)
    return Target(kind: .memory, port: application.port, adminPort: application.adminPort ?? 0)
  }

  private static func monolith(_ kind: TargetKind, strategy: String) async throws -> Target {
    let database = try await TestServers.postgres().createDatabase(
      "contract_monolith_" + strategy.replacing("-", with: "_"))
    let server = try ServerProcess.start(
      "monolith", arguments: [],
      environment: common.merging(["DATABASE_URL": database, "COUPON_STRATEGY": strategy]) { $1 })
    let (port, adminPort) = try await server.ports()
    try await server.ready(port: port)
    return Target(
      kind: kind, port: port, adminPort: adminPort,
      ledger: try Ledger(url: database, schema: "monolith", log: nil))
  }

  private static func eda(_ kind: TargetKind, brokers: String, topic: String) async throws -> Target {
    let name = kind == .eda ? "contract_eda" : "contract_eda_kafka"
    let database = try await TestServers.postgres().createDatabase(name)
    let shared = common.merging([
      "DATABASE_URL": database, "REDIS_URL": try await TestServers.redis().url, "KEY_PREFIX": name,
      "KAFKA_BROKERS": brokers, "KAFKA_TOPIC": topic, "KAFKA_PARTITIONS": "4",
    ]) { $1 }
    let worker = try ServerProcess.start("eda", arguments: ["worker"], environment: shared)
    let api = try ServerProcess.start("eda", arguments: ["api"], environment: shared)
    let (port, adminPort) = try await api.ports()
    try await api.ready(port: port)
    try await worker.ready(port: worker.ports().port)
    let log = KafkaConfiguration(brokers: brokers, clientID: "contract")
    return Target(
      kind: kind, port: port, adminPort: adminPort,
      ledger: try Ledger(url: database, schema: "eda", log: (log, topic)))
  }

  private static let common = [
    "HTTP_PORT": "0", "ADMIN_PORT": "0", "ADMIN_TOKEN": Target.token, "COUPON_KEY": Target.couponKey,
  ]
}

/// One of our programs as a child process that ends with the test process.
@LoopActor
final class ServerProcess {
  private let child: ChildProcess
  private let logPath: String

  private init(_ child: ChildProcess, logPath: String) { (self.child, self.logPath) = (child, logPath) }

  static func start(
    _ program: String, arguments: [String], environment: [String: String]
  ) throws -> ServerProcess {
    let logPath = try TestServers.folder() + "/\(program).log"
    var options = ChildProcess.Options(try executable(program), arguments)
    options.environment = environment
    options.output = .file(logPath)
    let child = try ChildProcess.start(options)
    try TestServers.adopt(child)
    return ServerProcess(child, logPath: logPath)
  }

  /// The programs lie beside the tests that were built with them.
  static func executable(_ program: String) throws -> String {
    let tests = [CommandLine.arguments[0], Bundle.main.executablePath ?? ""]
    let bundles = Bundle.allBundles.map(\.bundlePath)
    for path in tests + bundles {
      let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
      let candidate = folder.appendingPathComponent(program).path
      if FileManager.default.isExecutableFile(atPath: candidate) { return candidate }
    }
    throw ContractFailure("no \(program) beside the tests; build it first")
  }

  var log: String { (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? "" }

  /// The ports that the program says it listens on.
  func ports() async throws -> (port: Int, admin: Int) {
    let deadline = Instant.now + .seconds(60)
    while Instant.now < deadline, child.isRunning {
      let log = log
      if let port = number(after: "message=listening host=127.0.0.1 port=", in: log) {
        return (port, number(after: "message=\"operator may call\" port=", in: log) ?? 0)
      }
      await EventLoop.shared.sleep(for: .milliseconds(20))
    }
    throw ContractFailure("the program does not listen:\n\(log.suffix(2_000))")
  }

  func ready(port: Int) async throws {
    let client = HTTPClient(
      HTTPClientConfiguration(address: SocketAddress(numericHost: "127.0.0.1", port: port)))
    defer { client.close() }
    let deadline = Instant.now + .seconds(90)
    var last = ""
    while Instant.now < deadline, child.isRunning {
      let request = HTTPRequest(.get, "/readyz")
      if let response = try? await client.send(request, deadline: .now + .seconds(5)) {
        if response.status == 200 { return }
        last = response.text
      }
      await EventLoop.shared.sleep(for: .milliseconds(50))
    }
    throw ContractFailure("not ready: \(last)\n\(log.suffix(2_000))")
  }

  func signal(_ number: Int32) { child.signal(number) }

  /// The exit code; nil where a signal ended it.
  func exit() async -> Int32? { ServerProcess.code(await child.exit()) }

  /// Runs a program to its end.
  static func run(
    _ program: String, _ arguments: [String], _ environment: [String: String]
  ) async throws -> (code: Int32?, output: String) {
    var options = ChildProcess.Options(try executable(program), arguments, environment: environment)
    options.output = .capture(limit: 100_000)
    let (status, output) = try await ChildProcess.run(options)
    return (code(status), String(decoding: output, as: UTF8.self))
  }

  private static func code(_ status: ExitStatus) -> Int32? {
    guard case .code(let code) = status else { return nil }
    return code
  }

  private func number(after text: String, in log: String) -> Int? {
    guard let range = log.range(of: text) else { return nil }
    return Int(log[range.upperBound...].prefix { $0.isNumber })
  }
}
