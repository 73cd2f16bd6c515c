import CouponAdmission
import CouponDomain
import CouponStore
import EventLoop
import Text

/// People, policies and moments for the machines' tests.
enum Sample {
  static let day = Day(number: 20_000)
  static let nextDay = Day(number: 20_001)
  static let key: CouponKey = {
    guard let key = CouponKey("a key for the machines") else { preconditionFailure("a bad key") }
    return key
  }()
  static let ledger = LogLedger(key: key) { _ in 0 }

  static func policy(quota: Int = 2, _ perPerson: PerPerson = .once) -> Policy {
    guard let id = PolicyID(1), let opensAt = TimeOfDay(seconds: 0),
      let policy = try? Policy(
        id: id, name: "p", startsOn: day, endsOn: nextDay, opensAt: opensAt, timeZone: "UTC",
        dailyQuota: quota, perPerson: perPerson)
    else { preconditionFailure("a bad policy") }
    return policy
  }

  static func user(_ name: String) -> UserID {
    guard let user = UserID(name) else { preconditionFailure("a bad name") }
    return user
  }

  static func at(_ milliseconds: Int) -> Instant {
    Instant(nanoseconds: UInt64(milliseconds) * 1_000_000)
  }

  static func visit(_ caller: CallerID, _ name: String, on day: Day = day, deadline: Int = 2_000) -> Visit {
    Visit(
      caller: caller, policyID: policy().id, day: day, userID: user(name),
      eventID: EventID(high: 1, low: caller), deadline: at(deadline))
  }

  static func claim(_ event: UInt64, _ name: String, on day: Day = day, _ policy: Policy = policy())
    -> CouponClaim
  {
    CouponClaim(
      eventID: EventID(high: 1, low: event), couponID: key.couponID(of: user(name), on: day, policy),
      policyID: policy.id, userID: user(name), day: day, issuedAt: Timestamp(microseconds: Int64(event)))
  }

  static func created(_ policy: Policy = policy()) -> ReadEntry {
    .success(.policyCreated(PolicyCreated(eventID: EventID(high: 9, low: 9), policy: policy, key: key)))
  }
}
