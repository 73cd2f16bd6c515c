package import CouponDomain
package import CouponStore
package import EventLoop
package import Postgres
import Text
package import History
import Terminal
package import Verify

/// Reads the tables of one architecture as they are.
@LoopActor
package struct DatabaseReader {
  private let pool: PostgresPool
  private static let page = 10_000
  private static let patience = Duration.seconds(60)

  package init(_ pool: PostgresPool) { self.pool = pool }

  package func policy(_ id: PolicyID) async throws -> Policy? {
    try await PolicySQL.find(id, in: pool, deadline: .now + DatabaseReader.patience)
  }

  /// Nil where there is none.
  package func highestPolicy() async throws -> PolicyID? {
    let rows = try await pool.query(
      PostgresStatement("SELECT max(policy_id) FROM policy"), [], deadline: .now + DatabaseReader.patience)
    return rows.int(0, 0).flatMap { PolicyID($0) }
  }

  /// Whether the tables were made for a strategy that gives each coupon a rank of its own.
  package func ranksAreUnique() async throws -> Bool {
    let index = PostgresStatement("SELECT to_regclass('coupon_rank') IS NOT NULL")
    return try await pool.query(index, [], deadline: .now + DatabaseReader.patience).bool(0, 0) == true
  }

  package func evidence(of policy: Policy, topic: String) async throws -> DatabaseEvidence {
    let deadline = Instant.now + DatabaseReader.patience
    let coupons = try await AuditSQL.coupons(of: policy.id, in: pool, deadline: deadline)
    let days = try await AuditSQL.days(of: policy.id, in: pool, deadline: deadline)
    let offsets = try await OffsetSQL.all(topic: topic, in: pool, deadline: deadline)
    let letters = try await AuditSQL.deadLetters(topic: topic, in: pool, deadline: deadline)
    return DatabaseEvidence(
      policy: policy, coupons: coupons.map { .init(coupon: $0.coupon, period: $0.period) },
      events: try await events(of: policy.id).map { event in
        .init(
          sequence: event.sequence, rank: event.rank, content: content(event.payload),
          recordedAt: event.recordedAt)
      },
      days: Dictionary(
        uniqueKeysWithValues: days.map { ($0.day, .init(quota: $0.quota, issued: $0.issued)) }),
      applied: Dictionary(uniqueKeysWithValues: offsets.map { ($0.partition, $0.nextOffset) }),
      deadLetters: letters.map { .init(partition: $0.partition, offset: $0.offset) },
      ranksAreUnique: try await ranksAreUnique())
  }

  private func content(_ payload: [UInt8]) -> DatabaseEvidence.EventRow.Content {
    switch LogCodec.read(payload) {
    case .success(.claim(let claim)): .claim(claim)
    case .success(.policyCreated(let created)): .policy(created.policy)
    case .failure(.poison(let reason)), .failure(.unknown(let reason)): .unreadable(reason)
    }
  }

  /// Whether the architecture has ever run on this database.
  package func hasTables() async throws -> Bool {
    let table = PostgresStatement("SELECT to_regclass('coupon_event') IS NOT NULL")
    return try await pool.query(table, [], deadline: .now + .seconds(10)).bool(0, 0) == true
  }

  /// The whole stream of one policy, in its order.
  package func events(of policy: PolicyID) async throws -> [EventRow] {
    var events: [EventRow] = []
    while true {
      let page = try await EventSQL.events(
        of: policy, after: events.last?.sequence ?? 0, limit: DatabaseReader.page, in: pool,
        deadline: .now + DatabaseReader.patience)
      events += page
      if page.count < DatabaseReader.page { return events }
    }
  }
}

extension LabState {
  /// Connections to the tables of one architecture; close the pool in the end.
  @LoopActor
  package func pool(of architecture: Architecture, size: Int = 1) throws -> PostgresPool {
    guard let url = database?.url else { throw LabFailure("there is no database; start one with lab up") }
    return PostgresPool(
      configuration: try PostgresConfiguration(url: url), size: size, maxWaiting: 16,
      sessionSettings: ["search_path": schema(of: architecture)], name: "lab",
      // A login on a busy machine takes its time; each call has a deadline of its own.
      connectTimeout: .seconds(20))
  }
}
