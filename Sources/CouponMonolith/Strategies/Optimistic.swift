import CouponDomain
import CouponStore
import EventLoop
import Postgres
import Text

/// The strategy `optimistic`: nobody is locked out while it is decided; the write counts only where the counter is
/// still what was read, and else everything is done again.
///
///     trip 1   BEGIN · SELECT issued · the person's coupon
///              decide()
///     trip 2   UPDATE … SET issued = n + 1 WHERE issued = n, with both INSERTs · COMMIT     no row: from trip 1 again
///
/// A retry keeps its connection: at the end of the pool's queue it would meet its deadline.
struct Optimistic: Issuance {
  let pool: PostgresPool

  /// More than a pool has connections, so that each of the others may win once before.
  private static let attempts = 32

  func decide(
    _ claim: CouponClaim, hours: Hours, of policy: Policy, deadline: Instant
  ) async throws -> Decision {
    try await pool.transaction(deadline: deadline) { transaction in
      for _ in 0..<Optimistic.attempts {
        let answers = try await transaction.run([
          IssuanceSQL.read(claim.day, of: policy.id),
          IssuanceSQL.find(claim.userID, on: claim.day, of: policy),
        ])
        guard let state = try IssuanceSQL.state(of: policy, day: answers[0], coupon: answers[1]) else {
          throw SchemaError.corruptRow(table: "policy_day")
        }
        let decision = CouponDomain.decide(claim, hours: hours, state)
        guard case .issued(let coupon) = decision else { return decision }
        let written = try await transaction.finish([
          IssuanceSQL.record(coupon, of: policy, from: state.issued, to: evolve(state, coupon).issued)
        ])
        if written[0].count == 1 { return decision }
        transaction.beginAgain()
      }
      throw TooManyConflicts()
    }
  }
}

/// Others were faster, again and again; nothing was written.
struct TooManyConflicts: Error, CustomStringConvertible {
  let description = "others were faster, again and again"
}
