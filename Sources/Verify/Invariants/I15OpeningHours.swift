import CouponDomain
import History
import Text

/// I15: coupons are given inside the hours, and "not open" is said outside them alone.
extension Checker {
  func openingHours() -> Finding.Verdict {
    var hours = OpeningHours(policy)
    var breaches = Breaches()
    for row in evidence.database.coupons {
      let claim = row.coupon.claim
      if !hours.admits(claim.day, at: claim.issuedAt) {
        breaches.add(
          "\(claim.userID)'s coupon of \(claim.day) was issued at \(claim.issuedAt), outside its hours")
      }
    }
    var (notOpen, judged) = (0, 0)
    for history in evidence.histories {
      for request in history.requests where request.call == .coupon {
        if request.outcome == .notOpen { notOpen += 1 }
        guard evidence.clients == .timed else { continue }
        if let breach = breach(of: request, in: history, &hours) { breaches.add(breach) }
        judged += 1
      }
    }
    let rows = "\(evidence.database.coupons.count) coupons"
    let held: Finding.Verdict =
      switch evidence.clients {
      case .timed: .ok("\(rows), \(notOpen) answers \"not open\"")
      case .untimed: .inPart("\(rows); a CSV does not show when \(notOpen) people got \"not open\"")
      case .none: .inPart("\(rows); without a history it is unknown who got \"not open\", and when")
      }
    return breaches.verdict(otherwise: held)
  }

  /// What an answer says of the hours, wherever between departure and answer it was decided.
  private func breach(
    of request: RequestRecord, in history: History, _ hours: inout OpeningHours
  ) -> String? {
    let who = "person \(request.person)"
    switch request.outcome {
    case .notOpen where hours.isOpen(throughout: history.span(of: request)):
      return "\(who) got \"not open\" while the policy was open"
    case .created where !hours.isOpen(within: history.span(of: request)):
      return "\(who) received a coupon while the policy was closed"
    case .soldOut where !hours.isOpen(within: history.span(of: request)):
      return "\(who) got \"sold out\" while the policy was closed"
    default: return nil
    }
  }
}
