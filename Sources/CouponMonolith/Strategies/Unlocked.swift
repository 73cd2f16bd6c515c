import CouponDomain
import CouponStore
import EventLoop
import Postgres
import Text

/// The strategy `unlocked`, which is wrong: it reads the number of issued coupons and inserts if there is
/// room.
///
///     trip 1   BEGIN · SELECT issued · the person's coupon
///              decide()                                        another request reads the same number here
///     trip 2   INSERT event · INSERT coupon · UPDATE counter · COMMIT
///
/// It is `for-update` without the two words. Each request is correct by itself, and a test of one person
/// after the other passes. Under a crowd two people take one slot: too many coupons, the same rank twice, and
/// a counter with lost updates. The transaction does not help: under READ COMMITTED a read waits for nobody.
struct Unlocked: Issuance {
  let pool: DecidingPool

  func decide(
    _ claim: CouponClaim, hours: Hours, of policy: Policy, deadline: Instant
  ) async throws -> Decision {
    try await ReadDecideWrite(pool: pool).decide(
      claim, hours: hours, of: policy, deadline: deadline,
      first: [IssuanceSQL.read(claim.day, of: policy.id)])
  }
}
