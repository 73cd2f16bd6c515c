package import CouponDomain
import CouponStore
package import EventLoop
package import Postgres

/// The strategy `for-update`: the day's row is locked, the domain decides, and event, coupon and counter are written
/// in the same transaction.
///
///     trip 1   BEGIN · SELECT … FOR UPDATE · the person's coupon      the lock is held from here …
///              decide()
///     trip 2   INSERT event · INSERT coupon · UPDATE counter · COMMIT      … to here
@LoopActor
package struct ForUpdateIssuance {
  private let pool: PostgresPool

  package init(pool: PostgresPool) { self.pool = pool }

  /// - Throws: `PostgresError`; `commitUnknown` where the coupon may have been issued. `SchemaError`.
  package func decide(
    _ claim: CouponClaim, hours: Hours, of policy: Policy, deadline: Instant
  ) async throws -> Decision {
    try await pool.transaction(deadline: deadline) { transaction in
      let answers = try await transaction.run([
        IssuanceSQL.lock(claim.day, of: policy.id), IssuanceSQL.find(claim.userID, on: claim.day, of: policy),
      ])
      guard let state = try IssuanceSQL.state(of: policy, day: answers[0], coupon: answers[1]) else {
        throw SchemaError.corruptRow(table: "policy_day")
      }
      let decision = CouponDomain.decide(claim, hours: hours, state)
      guard case .issued(let coupon) = decision else { return decision }
      let counter = IssuanceSQL.set(issued: evolve(state, coupon).issued, on: claim.day, of: policy.id)
      _ = try await transaction.finish(IssuanceSQL.record(coupon, of: policy) + [counter])
      return decision
    }
  }
}
