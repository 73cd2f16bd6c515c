import CouponDomain
import Text

/// The holders of coupons where Redis decides: all people with a claim in the log, however many there are. The first claim
/// of a person counts, as in the worker's tables.
struct Holders {
  private var byPeriod: [PolicyID: [Day: [UserID: CouponClaim]]] = [:]
  private var counts: [PolicyID: [Day: Int]] = [:]

  mutating func take(_ claim: CouponClaim, of policy: Policy) {
    let period = policy.period(of: claim.day)
    guard byPeriod[policy.id]?[period]?[claim.userID] == nil else { return }
    byPeriod[policy.id, default: [:]][period, default: [:]][claim.userID] = claim
    counts[policy.id, default: [:]][claim.day, default: 0] += 1
  }

  func coupon(of user: UserID, on day: Day, _ policy: Policy) -> Coupon? {
    byPeriod[policy.id]?[policy.period(of: day)]?[user].map { Coupon(claim: $0, rank: nil) }
  }

  func latestCoupon(of user: UserID, in policy: PolicyID) -> Coupon? {
    let claims = (byPeriod[policy] ?? [:]).values.compactMap { $0[user] }
    return claims.max { $0.day < $1.day }.map { Coupon(claim: $0, rank: nil) }
  }

  func issued(on day: Day, in policy: PolicyID) -> Int { counts[policy]?[day] ?? 0 }
}
