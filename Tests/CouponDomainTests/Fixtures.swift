import CouponDomain
import Testing
import Text

/// What the tests of this module build policies and claims from.
enum Make {
  static func day(_ text: String) throws -> Day { try #require(Day(text)) }
  static func time(_ text: String) throws -> Timestamp { try #require(Timestamp(text)) }
  static func user(_ text: String) throws -> UserID { try #require(UserID(text)) }

  static func policy(
    _ id: Int = 1, name: String = "summer", startsOn: String = "2026-07-01", endsOn: String = "2026-07-07",
    opensAt: String = "10:00:00", timeZone: String = "Asia/Seoul", quota: Int = 2,
    perPerson: PerPerson = .once
  ) throws -> Policy {
    try Policy(
      id: #require(PolicyID(id)), name: name, startsOn: day(startsOn), endsOn: day(endsOn),
      opensAt: #require(TimeOfDay(opensAt)), timeZone: timeZone, dailyQuota: quota, perPerson: perPerson)
  }

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

/// SplitMix64: the same numbers for the same seed on every machine.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
