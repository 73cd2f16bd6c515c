import TestSupport
import CouponAPI
import CouponDomain
import CouponStore
import EventLoop
import Operations
import Postgres
import PrivateServers
import Programs
import Testing
import CouponMonolith
import Text

/// A monolith over a schema of its own, without its listeners.
@LoopActor
final class Fixture {
  let monolith: Monolith
  /// For looking at the tables.
  let tables: PostgresPool
  let deadline: Duration
  let schema: String

  static let noon = "2026-07-01T03:00:00Z"

  /// Started, and ready.
  convenience init(
    _ server: PrivatePostgres, deadline: Duration = .seconds(20), strategy: MonolithStrategy = .forUpdate
  ) async throws {
    try self.init(url: server.url, deadline: deadline, strategy: strategy)
    try await monolith.start()
    try #require(monolith.coupons.readiness().isReady)
  }

  /// Not started.
  init(
    url: String, deadline: Duration = .seconds(20), strategy: MonolithStrategy = .forUpdate,
    schema: String? = nil
  ) throws {
    Fixture.count += 1
    let schema = schema ?? "monolith_\(Fixture.count)"
    self.schema = schema
    let settings = try MonolithSettings.read(
      environment: [
        "DATABASE_URL": url, "DATABASE_SCHEMA": schema, "COUPON_KEY": "a secret of the tests",
        "REQUEST_DEADLINE_MS": String(Int(deadline.milliseconds)), "HTTP_PORT": "0",
        "ADMIN_PORT": "0", "ADMIN_TOKEN": "the-monolith-tests-call", "COUPON_STRATEGY": strategy.rawValue,
      ], arguments: [])
    let context = ProgramContext(
      log: Log(program: "monolith", level: .error, output: LogOutput()), metrics: Metrics())
    monolith = Monolith(settings, context)
    tables = PostgresPool(
      configuration: try PostgresConfiguration(url: url), size: 4, maxWaiting: 100,
      sessionSettings: ["search_path": schema], name: "monolith-tests")
    self.deadline = deadline
  }

  private static var count = 0

  func close() async {
    await monolith.stop(deadline: .now + .seconds(5))
    await tables.close()
  }

  // MARK: Calls

  func create(
    _ id: Int? = 1, name: String = "summer", quota: Int = 2, perPerson: PerPerson = .once
  ) async throws -> CreateAnswer {
    let template = try Policy(
      id: try #require(PolicyID(id ?? 1)), name: name, startsOn: try #require(Day("2026-07-01")),
      endsOn: try #require(Day("2026-07-07")), opensAt: try #require(TimeOfDay("10:00")),
      timeZone: "Asia/Seoul",
      dailyQuota: quota, perPerson: perPerson)
    let draft = PolicyDraft(id: id.flatMap { PolicyID($0) }, template: template)
    return await monolith.coupons.create(draft, deadline: .now + deadline)
  }

  func issue(
    _ user: String, _ id: Int = 1, at time: String = Fixture.noon, within limit: Duration? = nil
  ) async throws -> IssueAnswer {
    await monolith.coupons.issue(try request(user, id, at: time, within: limit))
  }

  func request(
    _ user: String, _ id: Int = 1, at time: String = Fixture.noon, within limit: Duration? = nil
  ) throws -> IssueRequest {
    IssueRequest(
      policyID: try #require(PolicyID(id)), userID: try #require(UserID(user)),
      time: try #require(Timestamp(time)), deadline: .now + (limit ?? deadline), traceparent: nil)
  }

  /// All at once; the answers in the order of the people.
  func issue(all people: [String], at times: [String] = [Fixture.noon]) async throws -> [IssueAnswer] {
    let runs = people.enumerated().map { index, person in
      start { try await self.issue(person, at: times[index % times.count]) }
    }
    var answers: [IssueAnswer] = []
    for run in runs { answers.append(try await run.value()) }
    return answers
  }

  // MARK: A strategy without its service

  private var eventIDs = EventIDSource()

  func claim(_ user: String, on day: String = "2026-07-01", of policy: Policy) throws -> CouponClaim {
    let key = try #require(CouponKey("a secret of the tests"))
    return key.claim(
      eventIDs.next(), by: try #require(UserID(user)), on: try #require(Day(day)), of: policy,
      at: try #require(Timestamp(day + "T03:00:00Z")))
  }

  /// Connections of its own to the same tables.
  func pool(size: Int) async throws -> PostgresPool {
    PostgresPool(
      configuration: try PostgresConfiguration(url: try await TestServers.postgres().url), size: size,
      maxWaiting: 100, sessionSettings: ["search_path": schema], name: "strategy-\(schema)")
  }

  // MARK: Tables

  func int(_ sql: String) async throws -> Int64? {
    try await tables.query(PostgresStatement(sql), deadline: .now + .seconds(20)).int(0, 0)
  }

  func execute(_ statements: String...) async throws {
    for sql in statements {
      _ = try await tables.query(PostgresStatement(sql, readsOnly: false), deadline: .now + .seconds(20))
    }
  }

  func until(_ sql: String) async throws { try await tables.until(sql) }

  /// What the ledgers must agree on, whatever happened: one event, one coupon, one count each.
  func expectLedgersAgree() async throws {
    let rows = try await tables.query(
      PostgresStatement(
        """
        SELECT
          (SELECT count(*) FROM coupon),
          (SELECT coalesce(sum(issued), 0) FROM policy_day),
          (SELECT count(*) FROM coupon_event WHERE type = 'CouponIssued'),
          (SELECT count(*) FROM coupon c JOIN coupon_event e
            ON e.event_id = c.event_id AND e.user_id = c.user_id AND e.day = c.day AND e.rank = c.rank),
          (SELECT count(*) FROM policy_day d WHERE issued <> (
            SELECT count(*) FROM coupon c WHERE c.policy_id = d.policy_id AND c.day = d.day)),
          (SELECT count(*) FROM policy_day d WHERE issued > quota OR issued > 0 AND issued <> (
            SELECT max(rank) FROM coupon c WHERE c.policy_id = d.policy_id AND c.day = d.day))
        """), deadline: .now + .seconds(20))
    let found = (0..<6).compactMap { rows.int(0, $0) }
    try #require(found.count == 6)
    #expect(found[1] == found[0] && found[2] == found[0] && found[3] == found[0], "\(found)")
    #expect(found[4] == 0 && found[5] == 0, "\(found)")
  }
}

/// Runs `body` on the loop with a monolith over the server that these tests share.
func withMonolith(
  deadline: Duration = .seconds(20), strategy: MonolithStrategy = .forUpdate,
  _ body: @escaping @Sendable @LoopActor (Fixture) async throws -> Void
) async throws {
  try await onLoop {
    let fixture = try await Fixture(
      try await TestServers.postgres(), deadline: deadline, strategy: strategy)
    do {
      try await body(fixture)
    } catch {
      await fixture.close()
      throw error
    }
    await fixture.close()
  }
}

extension IssueAnswer {
  var created: Coupon? {
    guard case .created(let coupon) = self else { return nil }
    return coupon
  }

  var existing: Coupon? {
    guard case .existing(let coupon) = self else { return nil }
    return coupon
  }

  var isUnavailable: Bool {
    guard case .trouble(.unavailable) = self else { return false }
    return true
  }

  var isUnknown: Bool {
    guard case .trouble(.outcomeUnknown) = self else { return false }
    return true
  }
}
