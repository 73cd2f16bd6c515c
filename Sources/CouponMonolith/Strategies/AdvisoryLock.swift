import CouponDomain
import CouponStore
import EventLoop
import Postgres
import Text

/// The strategy `advisory-lock`: a lock that is not a row represents the day until the transaction ends.
///
///     trip 1   BEGIN · pg_advisory_xact_lock(policy, day) · SELECT issued · the person's coupon
///              decide()
///     trip 2   INSERT event · INSERT coupon · UPDATE counter · COMMIT
///
/// Each statement of a trip has its own snapshot, so reads behind the lock see what the previous holder
/// committed. Correct only as long as every writer of the day takes the lock: the database does not enforce
/// it.
struct AdvisoryLock: Issuance {
  let pool: DecidingPool

  func decide(
    _ claim: CouponClaim, hours: Hours, of policy: Policy, deadline: Instant
  ) async throws -> Decision {
    try await ReadDecideWrite(pool: pool).decide(
      claim, hours: hours, of: policy, deadline: deadline,
      first: [
        IssuanceSQL.advisoryLock(claim.day, of: policy.id), IssuanceSQL.read(claim.day, of: policy.id),
      ])
  }
}
