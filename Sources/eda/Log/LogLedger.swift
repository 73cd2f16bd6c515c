package import CouponDomain

package enum LogRecord: Hashable, Sendable {
  case policy(Policy, eventID: EventID)
  case claim(CouponClaim)
  case unreadable(reason: String)
  case unknown(reason: String)
}

package enum LogVerdict: Hashable, Sendable {
  case created(Policy, eventID: EventID)
  case exists(Policy, eventID: EventID)
  case issued(Coupon, Policy, dayIsFull: Bool)
  case refused(CouponClaim, Refusal)
  case deadLetter(reason: String)
  case unknown(reason: String)
}

package struct LogLedger {
  private var ledgers: [PolicyID: PolicyLedger] = [:]
  package init() {}

  package subscript(_ id: PolicyID) -> PolicyLedger? {
    get { ledgers[id] }
    set { ledgers[id] = newValue }
  }
  package var policies: [Policy] { ledgers.values.map(\.policy).sorted { $0.id < $1.id } }

  package mutating func apply(_ record: LogRecord) -> LogVerdict {
    switch record {
    case .policy(let policy, let eventID):
      if let known = ledgers[policy.id] { return .exists(known.policy, eventID: eventID) }
      ledgers[policy.id] = PolicyLedger(policy)
      return .created(policy, eventID: eventID)
    case .claim(let claim):
      guard let policy = ledgers[claim.policyID]?.policy else { return .deadLetter(reason: "unknown policy") }
      guard policy.isEventDay(claim.day) else { return .deadLetter(reason: "day outside the event") }
      switch ledgers[claim.policyID]?.apply(claim) {
      case .issued(let coupon)?:
        return .issued(coupon, policy, dayIsFull: ledgers[claim.policyID]?.isFull(on: claim.day) ?? false)
      case .refused(let refusal)?: return .refused(claim, refusal)
      case nil: preconditionFailure("the policy was there")
      }
    case .unreadable(let reason): return .deadLetter(reason: reason)
    case .unknown(let reason): return .unknown(reason: reason)
    }
  }
}
