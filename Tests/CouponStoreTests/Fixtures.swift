import CouponDomain
import CouponStore
import TestSupport
import Testing
import Text

extension Make {
  static func key(_ secret: String = "a secret of the tests") throws -> CouponKey {
    try #require(CouponKey(secret))
  }

  /// A claim with the right coupon id.
  static func claim(
    _ name: String, _ day: String = "2026-07-01", of policy: Policy, event: UInt64 = 1, key: CouponKey? = nil
  ) throws -> CouponClaim {
    let (user, day) = (try user(name), try self.day(day))
    return CouponClaim(
      eventID: EventID(high: 0xe, low: event),
      couponID: try (key ?? self.key()).couponID(of: user, on: day, policy),
      policyID: policy.id, userID: user, day: day,
      issuedAt: Timestamp(microseconds: 1_782_910_800_000_000 + Int64(event)))
  }
}
