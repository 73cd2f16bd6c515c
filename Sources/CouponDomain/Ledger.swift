/// The state of one policy, folded from its events with `decide` and `evolve`.
///
/// The API's list, the worker's batch, a rebuild and the checker all fold with this type; the worker seeds it with
/// what the database holds for the people and days of its batch.
package struct PolicyLedger: Sendable {
  package let policy: Policy
  private var issuedByDay: [Day: Int] = [:]
  private var couponsByPeriod: [Day: [UserID: Coupon]] = [:]

  package init(_ policy: Policy) { self.policy = policy }

  /// Seeds a day's counter with what was issued before.
  package mutating func seed(issued: Int, on day: Day) { issuedByDay[day] = issued }

  /// Seeds a person's coupon of its period.
  package mutating func seed(_ coupon: Coupon) {
    couponsByPeriod[policy.period(of: coupon.claim.day), default: [:]][coupon.claim.userID] = coupon
  }

  package func issued(on day: Day) -> Int { issuedByDay[day] ?? 0 }
  package func isFull(on day: Day) -> Bool { issued(on: day) >= policy.dailyQuota }

  /// The coupon that rules a claim of this person on this day.
  package func coupon(of user: UserID, on day: Day) -> Coupon? {
    couponsByPeriod[policy.period(of: day)]?[user]
  }

  /// The person's latest coupon in the whole event.
  package func latestCoupon(of user: UserID) -> Coupon? {
    var latest: Coupon?
    for coupons in couponsByPeriod.values {
      guard let coupon = coupons[user] else { continue }
      if let known = latest, known.claim.day >= coupon.claim.day { continue }
      latest = coupon
    }
    return latest
  }

  /// The days of which anything was issued or seeded.
  package var days: [Day] { issuedByDay.keys.sorted() }

  /// The day's coupons in the order of their ranks. Looks at every coupon of the period.
  package func coupons(on day: Day) -> [Coupon] {
    let coupons = couponsByPeriod[policy.period(of: day)] ?? [:]
    return coupons.values.filter { $0.claim.day == day }.sorted { ($0.rank ?? 0) < ($1.rank ?? 0) }
  }

  package func state(of user: UserID, on day: Day) -> IssuanceState {
    IssuanceState(policy: policy, issued: issued(on: day), held: coupon(of: user, on: day))
  }

  /// Decides a claim and, where it wins, takes the event in.
  package mutating func apply(_ claim: CouponClaim, hours: Hours = .open) -> Decision {
    let state = state(of: claim.userID, on: claim.day)
    let decision = decide(claim, hours: hours, state)
    if case .issued(let coupon) = decision { take(evolve(state, coupon), coupon) }
    return decision
  }

  private mutating func take(_ state: IssuanceState, _ coupon: Coupon) {
    let day = coupon.claim.day
    let period = policy.period(of: day)
    issuedByDay[day] = state.issued
    if couponsByPeriod[period] == nil {
      // A dictionary that doubles at a million entries stops the loop for half a second.
      couponsByPeriod[period] = Dictionary(minimumCapacity: min(policy.dailyQuota, 1_000_000))
    }
    couponsByPeriod[period]?[coupon.claim.userID] = state.held
  }
}
