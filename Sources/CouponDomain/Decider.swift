package import Text

/// What one person asks of one policy on one day: the command, and what the log carries until it is decided.
package struct CouponClaim: Hashable, Sendable {
  package let eventID: EventID
  package let couponID: CouponID
  package let policyID: PolicyID
  package let userID: UserID
  /// The policy's business day, fixed when the request was admitted; never "today" later on.
  package let day: Day
  package let issuedAt: Timestamp

  package init(
    eventID: EventID, couponID: CouponID, policyID: PolicyID, userID: UserID, day: Day, issuedAt: Timestamp
  ) {
    (self.eventID, self.couponID, self.policyID) = (eventID, couponID, policyID)
    (self.userID, self.day, self.issuedAt) = (userID, day, issuedAt)
  }
}

/// A coupon: the claim that won, and its position among the winners of its day.
package struct Coupon: Hashable, Sendable {
  package let claim: CouponClaim
  /// 1…quota; nil only where a strategy issues without deciding an order.
  package let rank: Int?

  package init(claim: CouponClaim, rank: Int?) { (self.claim, self.rank) = (claim, rank) }
}

/// Why nobody gets a (new) coupon: a value, not an error.
package enum Refusal: Hashable, Sendable {
  /// The person holds this coupon already; who asks again is given it again.
  case alreadyIssued(Coupon)
  /// Outside the hours; `next` is the next opening, nil after the event.
  case notOpen(next: Timestamp?)
  case soldOut
}

package enum Decision: Hashable, Sendable {
  /// The event `CouponIssued`.
  case issued(Coupon)
  case refused(Refusal)
}

/// All that the rule looks at for one person on one day.
package struct IssuanceState: Hashable, Sendable {
  /// Coupons that the day has to give.
  package let quota: Int
  /// Coupons issued on the day so far.
  package var issued: Int
  /// The person's coupon of the period.
  package var held: Coupon?

  package init(policy: Policy, issued: Int, held: Coupon?) {
    (quota, self.issued, self.held) = (policy.dailyQuota, issued, held)
  }
}

/// The rule, for who has no claim in hand yet: why there is no (new) coupon; nil where there is one.
///
/// The order of the answers: the coupon one holds, then the hours, then the quota.
package func refusal(hours: Hours, _ state: IssuanceState) -> Refusal? {
  if let held = state.held { return .alreadyIssued(held) }
  if case .closed(let next) = hours { return .notOpen(next: next) }
  return state.issued < state.quota ? nil : .soldOut
}

/// Decides a claim.
///
/// A claim read back from the log passes `.open`: its hours were judged when it was admitted, and its day is
/// fixed.
package func decide(_ claim: CouponClaim, hours: Hours, _ state: IssuanceState) -> Decision {
  if let refusal = refusal(hours: hours, state) { return .refused(refusal) }
  return .issued(Coupon(claim: claim, rank: state.issued + 1))
}

/// What a published event does to the state. This never changes for an event that was ever written.
package func evolve(_ state: IssuanceState, _ coupon: Coupon) -> IssuanceState {
  var next = state
  next.issued += 1
  next.held = coupon
  return next
}
