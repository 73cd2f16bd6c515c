import CouponDomain
import TestSupport
import Testing
import Text

extension Make {
  static func claim(_ user: UserID, _ day: Day, event: UInt64 = 1) throws -> CouponClaim {
    CouponClaim(
      eventID: EventID(high: 0, low: event), couponID: CouponID(high: UInt64(day.number), low: event),
      policyID: try #require(PolicyID(1)), userID: user, day: day,
      issuedAt: Timestamp(microseconds: Int64(event)))
  }

  static func claim(_ name: String, _ day: String, event: UInt64 = 1) throws -> CouponClaim {
    try claim(user(name), self.day(day), event: event)
  }

  /// The window of a day of Seoul (UTC+9, no change of the clocks), opening at ten.
  static func seoulWindow(_ text: String, following: String? = nil) throws -> DayWindow {
    let day = try day(text)
    let midnight = Int64(day.number) * 86_400 - 9 * 3600
    return DayWindow(
      day: day, startsAt: Timestamp(microseconds: midnight * 1_000_000),
      opensAt: Timestamp(microseconds: (midnight + 36_000) * 1_000_000),
      endsAt: Timestamp(microseconds: (midnight + 86_400) * 1_000_000),
      followingOpensAt: try following.map(time))
  }
}
