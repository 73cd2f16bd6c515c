import CouponDomain
import CouponStore
import Testing
import Text

/// What the tests of this module build policies and claims from.
enum Make {
  static func day(_ text: String) throws -> Day { try #require(Day(text)) }
  static func time(_ text: String) throws -> Timestamp { try #require(Timestamp(text)) }
  static func user(_ text: String) throws -> UserID { try #require(UserID(text)) }
  static func id(_ number: Int) throws -> PolicyID { try #require(PolicyID(number)) }
  static func key(_ secret: String = "a secret of the tests") throws -> CouponKey {
    try #require(CouponKey(secret))
  }

  static func policy(
    _ id: Int = 1, name: String = "summer", startsOn: String = "2026-07-01", endsOn: String = "2026-07-07",
    opensAt: String = "10:00:00", timeZone: String = "Asia/Seoul", quota: Int = 2,
    perPerson: PerPerson = .once
  ) throws -> Policy {
    try Policy(
      id: self.id(id), name: name, startsOn: day(startsOn), endsOn: day(endsOn),
      opensAt: #require(TimeOfDay(opensAt)), timeZone: timeZone, dailyQuota: quota, perPerson: perPerson)
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
