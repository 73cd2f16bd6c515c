import CouponDomain
import CouponStore
import EventLoop
import Postgres
import Text

/// The strategy `optimistic`: no lock is held while a claim is decided. The write succeeds only if the
/// counter still has the value that was read; otherwise everything is repeated.
///
///     trip 1   BEGIN · SELECT issued · the person's coupon
///              decide()
///     trip 2   UPDATE … SET issued = n + 1 WHERE issued = n, with both INSERTs · COMMIT     no row: from trip 1 again
///
/// A retry keeps its connection: at the end of the pool's queue it would miss its deadline.
struct Optimistic: Issuance {
  let deciding: DecidingPool

  init(pool: DecidingPool) { deciding = pool }

  /// More than the connections of a pool, so that each of the others may win once before.
  private static let attempts = 32

  func decide(
    _ claim: CouponClaim, hours: Hours, of policy: Policy, deadline: Instant
  ) async throws -> Decision {
    try await deciding.pool.transaction(deadline: deadline) { transaction in
      for _ in 0..<Optimistic.attempts {
        let answers = try await transaction.run([
          IssuanceSQL.read(claim.day, of: policy.id),
          IssuanceSQL.find(claim.userID, on: claim.day, of: policy),
        ])
        guard let state = try IssuanceSQL.state(of: policy, day: answers[0], coupon: answers[1]) else {
          throw SchemaError.corruptRow(table: "policy_day")
        }
        let decision = try deciding.decide(claim, hours: hours, state)
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

/// Other requests were faster at every attempt; nothing was written.
struct TooManyConflicts: Error, CustomStringConvertible {
  let description = "others were faster, again and again"
}
