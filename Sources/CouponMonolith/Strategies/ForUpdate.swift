import CouponDomain
import CouponStore
import EventLoop
import Postgres
import Text

/// The strategy `for-update`: the day's row is locked, the domain decides, and event, coupon and counter are written
/// in the same transaction.
///
///     trip 1   BEGIN · SELECT … FOR UPDATE · the person's coupon      the lock is held from here …
///              decide()
///     trip 2   INSERT event · INSERT coupon · UPDATE counter · COMMIT      … to here
struct ForUpdate: Issuance {
  let pool: DecidingPool

  func decide(
    _ claim: CouponClaim, hours: Hours, of policy: Policy, deadline: Instant
  ) async throws -> Decision {
    try await decide(claim, hours: hours, of: policy, deadline: deadline, willCommit: {})
  }

  /// The same for a caller that wants to know when the outcome may be unknown.
  @LoopActor
  func decide(
    _ claim: CouponClaim, hours: Hours, of policy: Policy, deadline: Instant,
    willCommit: @LoopActor () -> Void
  ) async throws -> Decision {
    try await ReadDecideWrite(pool: pool).decide(
      claim, hours: hours, of: policy, deadline: deadline,
      first: [IssuanceSQL.lock(claim.day, of: policy.id)], willCommit: willCommit)
  }
}
