import CouponDomain
import CouponStore
package import EventLoop
package import Postgres
import Text
import History
import Terminal

/// Makes the projections of one architecture again from its events, compares them with the tables, and puts them in
/// their place where that is asked for.
@LoopActor
package struct ProjectionRebuild {
  package struct Outcome: Sendable {
    package var policies = 0
    package var coupons = 0
    package var differences = 0
    package var lines: [String] = []
  }

  private let pool: PostgresPool
  private static let patience = Duration.seconds(120)
  private static let batch = 10_000

  /// `pool` needs two connections.
  package init(_ pool: PostgresPool) { self.pool = pool }

  /// Compares; repeats the comparison where the tables changed meanwhile.
  package func compare() async throws -> Outcome {
    for _ in 0..<5 {
      let before = try await EventSQL.count(in: pool, deadline: .now + .seconds(10))
      var outcome = Outcome()
      for id in try await EventSQL.policies(in: pool, deadline: .now + .seconds(30)) {
        try await compare(id, &outcome)
      }
      let after = try await EventSQL.count(in: pool, deadline: .now + .seconds(10))
      if outcome.differences == 0 || before == after { return outcome }
    }
    throw LabFailure("the tables keep changing; compare while nobody asks for coupons")
  }

  /// Replaces the projections in one transaction, which blocks other writers.
  package func apply() async throws -> Outcome {
    do {
      return try await pool.transaction(deadline: .now + ProjectionRebuild.patience) { transaction in
        // In the order in which a request takes them. Reading goes on.
        let lock = "LOCK TABLE policy_day, coupon_event, coupon, policy IN EXCLUSIVE MODE"
        _ = try await transaction.run([(PostgresStatement(lock), [])])
        var outcome = Outcome()
        for id in try await EventSQL.policies(in: pool, deadline: .now + .seconds(30)) {
          guard let (projection, created) = try await compare(id, &outcome) else { continue }
          _ = try await transaction.run(AuditSQL.clearProjections(of: id))
          for calls in ProjectionRebuild.statements(projection, created) {
            _ = try await transaction.run(calls)
          }
        }
        _ = try await transaction.finish()
        return outcome
      }
    } catch let error as PostgresError { throw LabFailure("nothing was replaced: \(error)") }
  }

  @discardableResult
  private func compare(_ id: PolicyID, _ outcome: inout Outcome) async throws -> (Projection, PolicyCreated)?
  {
    let reader = DatabaseReader(pool)
    let events = try await reader.events(of: id)
    let rebuilt: Projection?
    do {
      rebuilt = try Projection(events: events.map { ($0.sequence, $0.rank, $0.payload) })
    } catch { throw LabFailure("policy \(id): \(error)") }
    guard let rebuilt, let first = events.first,
      case .policyCreated(let created)? = try? LogCodec.decode(first.payload)
    else { return nil }
    let (count, lines) = rebuilt.differences(from: try await table(id, reader))
    outcome.policies += 1
    outcome.coupons += rebuilt.coupons.count
    outcome.differences += count
    outcome.lines += lines
    return (rebuilt, created)
  }

  private func table(_ id: PolicyID, _ reader: DatabaseReader) async throws -> Projection? {
    guard let policy = try await reader.policy(id) else { return nil }
    let deadline = Instant.now + .seconds(60)
    var table = Projection(policy)
    for row in try await AuditSQL.coupons(of: id, in: pool, deadline: deadline) {
      table.put(row.coupon, period: row.period)
    }
    for day in try await AuditSQL.days(of: id, in: pool, deadline: deadline) {
      table.put(issued: day.issued, on: day.day)
    }
    return table
  }

  private static func statements(_ projection: Projection, _ created: PolicyCreated) -> [[SQLCall]] {
    let coupons = projection.coupons.values.sorted {
      ($0.claim.day, $0.rank ?? 0, $0.claim.userID) < ($1.claim.day, $1.rank ?? 0, $1.claim.userID)
    }
    var first = BatchRecord(topic: "", partition: 0)
    first.add(created, payload: [])
    return [first.projections]
      + stride(from: 0, to: coupons.count, by: batch).map { start in
        var record = BatchRecord(topic: "", partition: 0)
        for coupon in coupons[start..<min(start + batch, coupons.count)] {
          let issued = projection.issued[coupon.claim.day] ?? 0
          record.add(coupon, of: projection.policy, issued: issued, payload: [])
        }
        return record.projections
      }
  }
}
