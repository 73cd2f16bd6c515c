import TestSupport
import CouponDomain
import CouponStore
import EventLoop
import Foundation
import HTTP
import Kafka
import Postgres
import PrivateServers
import Redis
import Text

/// The event-driven version as processes on real PostgreSQL and Redis servers and the embedded broker (in the test's
/// own process, so that a test can cut it off).
@LoopActor
final class Stage {
  static let token = "the-eda-tests-may-call"
  static let key = "the-eda-tests-derive-ids"
  static let partitions = 4
  private static var count = 0

  let broker: KafkaMockBroker
  let redis: PrivateRedis
  let topic: String
  let databaseURL: String
  let pool: PostgresPool
  private(set) var apis: [API] = []
  private(set) var worker: EDAProcess?
  private var environment: [String: String]

  /// One API process with a client of its own.
  struct API {
    let process: EDAProcess
    let client: HTTPClient
    let admin: HTTPClient
  }

  init(
    redis: PrivateRedis? = nil, postgres: PrivatePostgres? = nil, deadline: Int = 2_000,
    settings: [String: String] = [:]
  ) async throws {
    Platform.raiseDescriptorLimit()
    Stage.count += 1
    let name = "stage\(Stage.count)"
    topic = name
    broker = try KafkaMockBroker(topic: topic, partitions: Stage.partitions)
    if let redis { self.redis = redis } else { self.redis = try await TestServers.redis() }
    let server: PrivatePostgres
    if let postgres { server = postgres } else { server = try await TestServers.postgres() }
    databaseURL = try await server.createDatabase(name)
    pool = PostgresPool(
      configuration: try PostgresConfiguration(url: databaseURL), size: 2, maxWaiting: 64,
      sessionSettings: Schema.eda.sessionSettings, name: "test")
    environment = [
      "HTTP_PORT": "0", "ADMIN_PORT": "0", "ADMIN_TOKEN": Stage.token, "COUPON_KEY": Stage.key,
      "DATABASE_URL": databaseURL, "REDIS_URL": self.redis.url, "KEY_PREFIX": name,
      "KAFKA_BROKERS": broker.bootstrapServers, "KAFKA_TOPIC": topic,
      "KAFKA_PARTITIONS": "\(Stage.partitions)",
      "REQUEST_DEADLINE_MS": "\(deadline)",
    ].merging(settings) { $1 }
  }

  /// Everything ends; the programs by SIGTERM, with code 0.
  func end() async {
    for api in apis {
      api.client.close()
      api.admin.close()
      _ = await api.process.end()
    }
    _ = await worker?.end()
    await pool.close()
    await broker.close()
  }

  // MARK: - Programs

  func startWorker(_ settings: [String: String] = [:]) throws {
    worker = try EDAProcess("worker", environment.merging(settings) { $1 })
  }

  /// What an API that starts from now on forwards switches to.
  func workerIsPeer() async throws {
    guard let worker else { throw StageFailure("no worker") }
    environment["ADMIN_PEERS"] = "127.0.0.1:\(try await worker.ports().admin)"
  }

  /// A call of the last API's fault switches.
  func callFaults(_ method: HTTPMethod, _ target: String, _ body: String = "") async throws
    -> HTTPClientResponse
  {
    guard let api = apis.last else { throw StageFailure("no api") }
    let request = HTTPRequest(
      method, "/admin/faults/\(target)", headers: [("Authorization", "Bearer \(Stage.token)")],
      body: Array(body.utf8))
    let answer = try await api.admin.send(request, deadline: .now + .seconds(10))
    guard answer.status == 200 else {
      throw StageFailure("\(answer.status) \(String(decoding: answer.body, as: UTF8.self))")
    }
    return answer
  }

  func killWorker() async {
    await worker?.kill()
    worker = nil
  }

  @discardableResult
  func startAPI(isReady: Bool = true, _ settings: [String: String] = [:]) async throws -> API {
    let process = try EDAProcess("api", environment.merging(settings) { $1 })
    let (port, adminPort) = try await process.ports()
    let api = API(
      process: process,
      client: HTTPClient(
        HTTPClientConfiguration(address: address(port), maxConnections: 256, maxWaiting: 100_000)),
      admin: HTTPClient(HTTPClientConfiguration(address: address(adminPort))))
    apis.append(api)
    guard isReady else { return api }
    try await process.patiently("the api is ready") {
      let answer = try? await api.client.send(HTTPRequest(.get, "/readyz"), deadline: .now + .seconds(5))
      return answer?.status == 200 ? () : nil
    }
    return api
  }

  func killAPI(_ index: Int) async {
    let api = apis.remove(at: index)
    await api.process.kill()
    api.client.close()
    api.admin.close()
  }

  private func address(_ port: Int) -> SocketAddress { SocketAddress(numericHost: "127.0.0.1", port: port) }

  /// A program with some settings of its own.
  func process(_ subcommand: String, _ settings: [String: String]) throws -> EDAProcess {
    try EDAProcess(subcommand, environment.merging(settings) { $1 })
  }

  // MARK: - Policies

  /// The business day that it is now under this policy.
  func day(of policy: Int) async throws -> String {
    guard let api = apis.last else { throw StageFailure("no api") }
    let answer = try await api.client.send(
      HTTPRequest(.get, "/v1/policies/\(policy)"), deadline: .now + .seconds(5))
    guard let today = answer.object["today"] as? [String: Any], let day = today["day"] as? String else {
      throw StageFailure("no day")
    }
    return day
  }

  func newPolicy(quota: Int, perPerson: String = "once") async throws -> Int {
    let body = Midday.policy(quota: quota, perPerson: perPerson)
    let request = HTTPRequest(
      .post, "/admin/policies", headers: [("Authorization", "Bearer \(Stage.token)")], body: Array(body.utf8))
    for _ in 0..<50 {
      guard let api = apis.last else { throw StageFailure("no api") }
      let answer = try await api.admin.send(request, deadline: .now + .seconds(10))
      if answer.status == 201, let id = answer.object["policyId"] as? Int {
        // Every process has to have read it before a crowd comes.
        for api in apis {
          try await eventually("the policy is known everywhere") {
            try await api.client.send(HTTPRequest(.get, "/v1/policies/\(id)"), deadline: .now + .seconds(5))
              .status
              == 200
          }
        }
        return id
      }
      await EventLoop.shared.sleep(for: .milliseconds(200))
    }
    throw StageFailure("the policy was not created")
  }

  // MARK: - Ledgers

  /// The coupons in the table, by person. There are none before a worker has made the tables.
  func rows(of policy: Int) async throws -> [String: Coupon] {
    guard let id = PolicyID(policy) else { return [:] }
    let rows: [CouponRow]
    do {
      rows = try await AuditSQL.coupons(of: id, in: pool, deadline: .now + .seconds(20))
    } catch let error as PostgresError where error.sqlState == "42P01" { return [:] }
    return Dictionary(uniqueKeysWithValues: rows.map { ($0.coupon.claim.userID.description, $0.coupon) })
  }

  /// Waits until the tables have all of the log.
  func waitForLag0() async throws {
    let admin = try KafkaAdmin(
      configuration: KafkaConfiguration(brokers: broker.bootstrapServers, clientID: "test"))
    try await eventually("lag 0") {
      var next: [Int32: Int64] = [:]
      let rows = try? await OffsetSQL.all(topic: self.topic, in: self.pool, deadline: .now + .seconds(5))
      for row in rows ?? [] { next[row.partition] = row.nextOffset }
      let marks = try await admin.watermarks(
        of: self.topic, partitions: Stage.partitions, patience: .seconds(5))
      return marks.enumerated().allSatisfy { $0.element.high == next[Int32($0.offset)] ?? 0 }
    }
    await admin.close()
  }

  /// A message that no program of ours has written.
  func publish(_ value: [UInt8], forPolicy policy: Int) async throws {
    guard let id = PolicyID(policy) else { return }
    let reported = Completion<KafkaDelivery>()
    let producer = try KafkaProducer(
      configuration: KafkaConfiguration(brokers: broker.bootstrapServers, clientID: "test")
    ) { _, delivery in reported.succeed(delivery) }
    let key = Names.logKey(of: id)
    try producer.produce(
      topic: topic, partition: murmur2Partition(key: key, partitions: Stage.partitions), key: key,
      value: value,
      id: 1)
    _ = try await reported.value()
    await producer.close(deadline: .now + .seconds(5))
  }
}

extension HTTPClientResponse {
  var object: [String: Any] {
    (try? JSONSerialization.jsonObject(with: Data(body))) as? [String: Any] ?? [:]
  }
}

/// A policy in a time zone where it is about noon, so that no test meets a midnight.
enum Midday {
  static func policy(quota: Int, perPerson: String) -> String {
    let seconds = Int(Date().timeIntervalSince1970)
    let offset = 12 - seconds / 3600 % 24
    // Signs in the names of these zones are turned round.
    let zone = offset == 0 ? "Etc/GMT" : offset > 0 ? "Etc/GMT-\(offset)" : "Etc/GMT+\(-offset)"
    let today = Day(number: Int32((seconds + offset * 3600) / 86_400))
    return
      "{\"name\":\"stage\",\"startsOn\":\"\(today.advanced(by: -1))\",\"endsOn\":\"\(today.advanced(by: 1))\","
      + "\"opensAt\":\"00:00\",\"timeZone\":\"\(zone)\",\"dailyQuota\":\(quota),\"perPerson\":\"\(perPerson)\"}"
  }
}
