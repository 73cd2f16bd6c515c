import CouponWorker
import CouponAdmission
import TestSupport
import CouponAPI
import CouponDomain
import CouponStore
import EventLoop
import Foundation
import HTTP
import Kafka
import Operations
import Postgres
import PrivateServers
import Programs
import Redis
import Terminal
import Testing
import Text
import lab
import CouponMonolith
import History
import LabTestSupport
import Laboratory
import Load
import Verify

/// One architecture in this process, on real PostgreSQL and Redis servers and the embedded broker: small crowds come, and
/// `lab verify` judges what they have left behind.
@LoopActor
final class Trial {
  let architecture: Architecture
  let strategy: String
  let broker: KafkaMockBroker
  let tables: PostgresPool
  private(set) var state: LabState
  private let environment: [String: String]
  private var apis: [(application: Application, coupons: any CouponService)] = []
  private var workers: [(application: Application, part: EDAWorker)] = []
  /// Of planted bugs.
  private var connections: [RedisClient] = []
  private static var count = 0
  private static let token = "the-trials-may-call"
  private static let partitions = 4

  /// On the servers that all trials share, or on another Redis. With one API; in the event-driven version with a worker too, unless that has to wait.
  init(
    _ architecture: Architecture, _ strategy: String, bug: PlantedBug? = nil, startsWorker: Bool = true,
    redis: String? = nil, settings: [String: String] = [:]
  ) async throws {
    Trial.count += 1
    (self.architecture, self.strategy) = (architecture, strategy)
    let id = "\(ProcessInfo.processInfo.processIdentifier)t\(Trial.count)"
    let database = try await TestServers.postgres().createDatabase("trial_\(id)")
    let shared = try await TestServers.redis().url
    let redis = redis ?? shared
    broker = try KafkaMockBroker(topic: Names.topic, partitions: Trial.partitions)
    state = try JSONDecoder().decode(
      LabState.self,
      from: Data(
        """
        {"version": 1, "id": "\(id)", "couponKey": "the-trials-derive-their-ids", "adminToken": "\(Trial.token)",
         "database": {"url": "\(database)", "isPrivate": true}, "redis": {"url": "\(redis)", "isPrivate": false},
         "log": {"brokers": "\(broker.bootstrapServers)", "kind": "embedded", "partitions": \(Trial.partitions)},
         "parts": []}
        """.utf8))
    tables = PostgresPool(
      configuration: try PostgresConfiguration(url: database), size: 2, maxWaiting: 16,
      sessionSettings: ["search_path": architecture.rawValue], name: "trial")
    environment = [
      "HTTP_PORT": "0", "ADMIN_PORT": "0", "ADMIN_TOKEN": Trial.token, "COUPON_KEY": state.couponKey,
      "DATABASE_URL": database, "REDIS_URL": redis, "KEY_PREFIX": state.keyPrefix,
      "KAFKA_BROKERS": broker.bootstrapServers, "KAFKA_PARTITIONS": "\(Trial.partitions)",
      "COUPON_STRATEGY": strategy,
    ].merging(settings) { $1 }
    if architecture == .eda, startsWorker { try await startWorker(bug) }
    try await startAPI(bug)
  }

  func end() async {
    for api in apis { await api.application.stop() }
    for connection in connections { connection.close() }
    for worker in workers { await worker.application.stop() }
    await tables.close()
    await broker.close()
  }

  /// A call of the last API's fault switch for Kafka.
  func switchKafka(_ method: HTTPMethod, _ body: String = "") async throws {
    guard let port = apis.last?.application.adminPort else { throw LabFailure("no operator's listener") }
    let client = HTTPClient(
      HTTPClientConfiguration(address: SocketAddress(numericHost: "127.0.0.1", port: port)))
    let answer = try await client.send(
      HTTPRequest(
        method, "/admin/faults/kafka", headers: [("Authorization", "Bearer \(Trial.token)")],
        body: Array(body.utf8)), deadline: .now + .seconds(10))
    client.close()
    guard answer.status == 200 else { throw LabFailure("the switch answered \(answer.status)") }
  }

  private var context: ProgramContext {
    ProgramContext(log: Log(program: "trial", level: .error, output: LogOutput()), metrics: Metrics())
  }

  // MARK: - Programs

  func startWorker(_ bug: PlantedBug? = nil) async throws {
    let settings = try WorkerSettings.read(environment: environment, arguments: [])
    let worker = EDAWorker(settings, context, wires: bug?.worker ?? WorkerWires())
    let application = worker.application()
    try await application.start()
    workers.append((application, worker))
  }

  /// Each has partitions of the log.
  func workersShareTheLog() async throws {
    for worker in workers { try await until("each has partitions") { worker.part.readiness().isReady } }
  }

  /// The first worker ends, as a program that is asked to.
  func stopAWorker() async { await workers.removeFirst().application.stop() }

  /// The port of the first API, which others may share.
  var port: Int { apis[0].application.port }

  /// The first API ends, as a program that is asked to.
  func stopAnAPI() async { await apis.removeFirst().application.stop() }

  /// A further one may have settings of its own.
  func startAPI(_ bug: PlantedBug? = nil, settings: [String: String] = [:]) async throws {
    let environment = environment.merging(settings) { $1 }.merging(bug?.apiSettings ?? [:]) { $1 }
    switch architecture {
    case .monolith:
      let monolith = try Monolith(MonolithSettings.read(environment: environment, arguments: []), context)
      apis.append((monolith.application(), monolith.coupons))
    case .eda:
      let redis = try redis
      redis.start()
      connections.append(redis)
      let api = try EDAAPI(
        APISettings.read(environment: environment, arguments: []), context,
        wires: bug?.api(redis, keyPrefix: state.keyPrefix) ?? APIWires())
      apis.append((api.application(), api.coupons))
    }
    let api = apis[apis.count - 1]
    try await api.application.start()
    try await until("the API is ready") { api.coupons.readiness().isReady }
  }

  // MARK: - Policies, people

  /// A policy that has been open for hours, in a zone where it is about noon.
  func policy(quota: Int, perPerson: PerPerson = .once) async throws -> Policy {
    let seconds = Int(Date().timeIntervalSince1970)
    let offset = 12 - seconds / 3600 % 24
    let zone = offset == 0 ? "Etc/GMT" : offset > 0 ? "Etc/GMT-\(offset)" : "Etc/GMT+\(-offset)"
    let today = Day(number: Int32((seconds + offset * 3600) / 86_400))
    let template = try Policy(
      id: try unwrap(PolicyID(1)), name: "trial", startsOn: today.advanced(by: -1),
      endsOn: today.advanced(by: 1), opensAt: try unwrap(TimeOfDay(seconds: 0)), timeZone: zone,
      dailyQuota: quota, perPerson: perPerson)
    let draft = PolicyDraft(id: nil, template: template)
    guard case .policy(let policy, _) = await apis[0].coupons.create(draft, deadline: .now + .seconds(20))
    else { throw Missing() }
    for api in apis {
      try await until("the policy is known") {
        let status = api.coupons.status(of: policy.id, at: SystemClock().now(), deadline: .now + .seconds(5))
        if case .policy = await status.value() { return true }
        return false
      }
    }
    if !workers.isEmpty {
      // A worker takes seconds to join its group, and then has to have what the crowd is measured against.
      try await until("the policy is recorded") {
        // Until it has made its tables, there is nothing to ask.
        let found = try? await PolicySQL.find(policy.id, in: self.tables, deadline: .now + .seconds(5))
        return found != nil
      }
    }
    return policy
  }

  /// What a crowd sees that comes at once to one of the APIs.
  func crowd(
    _ people: Int, for policy: Policy, named prefix: String = "p", seed: UInt64 = 1, attempts: Int = 4,
    rate: Double = 20_000, api: Int = 0
  ) async -> History {
    var options = LoadOptions(seed: seed)
    (options.people, options.rate, options.earlyShare) = (people, rate, 0)
    (options.attempts, options.connections) = (attempts, min(people, 500))
    (options.bystanderPerSecond, options.after) = (0, .zero)
    var plan = LoadPlan(options, architecture, policyID: policy.id, opening: SystemClock().now())
    (plan.strategy, plan.namePrefix) = (strategy, "\(prefix)-\(seed)-")
    let target = SocketAddress(numericHost: "127.0.0.1", port: apis[api].application.port)
    return await LoadGenerator(plan, target: target, stays: [1]).run()
  }

  func verify(_ histories: History..., patience: Double = 20) async throws -> Verification {
    Verification(checking: try await EvidenceReader.read(state, histories, patience: patience))
  }

  // MARK: - What is done to it

  /// The worker has messages in hand meanwhile, and cannot say how far it is.
  func keepingTheWorkerWaiting<Value: Sendable>(
    _ body: @escaping @Sendable @LoopActor () async throws -> Value
  ) async throws -> Value {
    let lock = PostgresStatement("LOCK TABLE consumer_offset IN EXCLUSIVE MODE", readsOnly: false)
    return try await tables.transaction(deadline: .now + .seconds(60)) { transaction in
      _ = try await transaction.run([(lock, [])])
      return try await body()
    }
  }

  private var redis: RedisClient {
    get throws {
      RedisClient(configuration: try RedisConfiguration(url: state.redis?.url ?? ""), name: "trial")
    }
  }

  func redis(_ commands: [String]...) async throws {
    let client = try redis
    client.start()
    try await client.connected(deadline: .now + .seconds(5))
    for command in commands { _ = try await client.command(command, deadline: .now + .seconds(5)) }
    client.close()
  }

  /// Today's set of a policy.
  func set(of policy: Policy) -> String {
    Names.issuedUsers(of: policy.id, on: policy.startsOn.advanced(by: 1), prefix: state.keyPrefix)
  }

  func until(_ what: String, _ look: @LoopActor () async throws -> Bool) async throws {
    let deadline = Instant.now + .seconds(60)
    while try await !look() {
      try #require(Instant.now < deadline, "in vain: \(what)")
      await EventLoop.shared.sleep(for: .milliseconds(10))
    }
  }
}

extension Verification {
  func word(_ invariant: Invariant) -> String {
    findings.first { $0.invariant == invariant }?.word ?? "missing"
  }

  /// What does not hold, for a failing test.
  var troubles: String {
    findings.filter { !$0.passes }.map { "\($0.invariant.name) \($0.word): \($0.detail)" }
      .joined(separator: "; ")
  }
}

/// Plays several trials side by side, for most of their time is waiting.
@LoopActor
func together<Case: Sendable>(
  _ cases: [Case], _ play: @escaping @Sendable @LoopActor (Case) async throws -> Void
) async throws {
  let plays = cases.map { one in
    let done = Completion<Void>()
    EventLoop.shared.spawn {
      do {
        try await play(one)
        done.succeed(())
      } catch { done.fail(error) }
    }
    return done
  }
  for play in plays { try await play.value() }
}
