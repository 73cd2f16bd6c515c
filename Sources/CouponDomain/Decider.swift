package import Text

/// One person's claim to a coupon of a policy on one day: the command, and what the log carries until it is
/// decided.
package struct CouponClaim: Hashable, Sendable {
  package let eventID: EventID
  package let couponID: CouponID
  package let policyID: PolicyID
  package let userID: UserID
  /// The policy's business day, fixed when the request was admitted; it is never computed again.
  package let day: Day
  package let issuedAt: Timestamp

  package init(
    eventID: EventID, couponID: CouponID, policyID: PolicyID, userID: UserID, day: Day, issuedAt: Timestamp
  ) {
    (self.eventID, self.couponID, self.policyID) = (eventID, couponID, policyID)
    (self.userID, self.day, self.issuedAt) = (userID, day, issuedAt)
  }
}

/// A coupon: the claim that won, and its rank among the winners of its day.
package struct Coupon: Hashable, Sendable {
  package let claim: CouponClaim
  /// 1…quota; nil only if the strategy issues without deciding an order.
  package let rank: Int?

  package init(claim: CouponClaim, rank: Int?) { (self.claim, self.rank) = (claim, rank) }
}

/// Why no (new) coupon is issued: a value, not an error.
package enum Refusal: Hashable, Sendable {
  /// The person already holds this coupon; a repeated request returns it again.
  case alreadyIssued(Coupon)
  /// Outside the opening hours; `next` is the next opening, nil after the event.
  case notOpen(next: Timestamp?)
  case soldOut
}

package enum Decision: Hashable, Sendable {
  /// The event `CouponIssued`.
  case issued(Coupon)
  case refused(Refusal)
}

/// The state that the rule depends on, for one person on one day.
package struct IssuanceState: Hashable, Sendable {
  /// Coupons that can be issued on the day.
  package let quota: Int
  /// Coupons issued on the day so far.
  package var issued: Int
  /// The person's coupon of the period. Spelled out, because `Coupon?` would be nil before it is set.
  package var held: Optional<Coupon>

  package init(policy: Policy, issued: Int, held: Coupon?) {
    (quota, self.issued, self.held) = (policy.dailyQuota, issued, held)
  }
}

/// The rule for a person without a claim so far: why no (new) coupon can be issued; nil if one can.
///
/// It checks in this order: the coupon that the person holds, the hours, the quota.
@inline(__always) package func refusal(hours: Hours, _ state: IssuanceState) -> Refusal? {
  if let held = state.held { return .alreadyIssued(held) }
  if case .closed(let next) = hours { return .notOpen(next: next) }
  return state.issued < state.quota ? nil : .soldOut
}

/// Decides a claim.
///
/// For a claim read back from the log, callers pass `.open`: its hours were checked when it was admitted, and
/// its day is fixed.
@inline(__always) package func decide(_ claim: CouponClaim, hours: Hours, _ state: IssuanceState) -> Decision
{
  if let refusal = refusal(hours: hours, state) { return .refused(refusal) }
  return .issued(Coupon(claim: claim, rank: state.issued + 1))
}

/// Applies a published event to the state. This must never change for an event that was ever written.
@inline(__always) package func evolve(_ state: IssuanceState, _ coupon: Coupon) -> IssuanceState {
  var next = state
  next.issued += 1
  next.held = coupon
  return next
}
