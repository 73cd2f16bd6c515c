import CouponDomain
import History

/// I13: every fault has bitten, with coupons before and after it.
extension Checker {
  func notVacuous() -> Finding.Verdict {
    guard !evidence.faults.isEmpty else { return .notApplicable("no fault was injected") }
    var breaches = Breaches()
    var weak: [String] = []
    // Requests sent when all was over say nothing about the time after a fault.
    let times = evidence.histories.prefix(evidence.planned ?? .max).flatMap { history in
      history.requests.filter { $0.call == .coupon && $0.outcome.isOK }.map { history.moment($0.answered) }
    }
    for fault in evidence.faults {
      if fault.bites ?? 0 < 1 { breaches.add("\(fault.name) never bit, or nobody counted") }
      if !times.contains(where: { $0 < fault.from }) { weak.append("no coupon before \(fault.name)") }
      if !times.contains(where: { $0 > fault.to }) { weak.append("no coupon after \(fault.name)") }
    }
    let during = times.count { time in evidence.faults.contains { $0.from <= time && time <= $0.to } }
    let all = "\(evidence.faults.count) faults bit; \(during) coupons meanwhile"
    return breaches.verdict(
      otherwise: weak.isEmpty ? .ok(all) : .vacuous(weak.joined(separator: ", ")))
  }
}
