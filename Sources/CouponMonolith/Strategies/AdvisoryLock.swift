import CouponDomain
import CouponStore
import EventLoop
import Postgres
import Text

/// The strategy `advisory-lock`: a lock that is no row stands for the day, until the transaction ends.
///
///     trip 1   BEGIN · pg_advisory_xact_lock(policy, day) · SELECT issued · the person's coupon
///              decide()
///     trip 2   INSERT event · INSERT coupon · UPDATE counter · COMMIT
///
/// The statements of a trip have a snapshot each, so what is read behind the lock is what the one before committed.
/// Right only as long as everybody who writes the day takes the lock: the database does not insist on it.
struct AdvisoryLock: Issuance {
  let pool: PostgresPool

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
