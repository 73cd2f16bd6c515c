import CouponDomain
import Text
import History

/// I10: the lag reaches 0 in time, and the day fills.
extension Checker {
  func healing() -> Finding.Verdict {
    var breaches = Breaches()
    if evidence.settling.lag > 0 {
      breaches.add("after \(Int(evidence.settling.seconds)) s the lag was still \(evidence.settling.lag)")
    } else if evidence.settling.seconds > Settling.limitSeconds {
      breaches.add("the lag reached 0 only after \(Int(evidence.settling.seconds)) s")
    }
    guard evidence.clients != .none else {
      return breaches.verdict(
        otherwise: .inPart("lag 0; without a history the expected number of coupons is unknown"))
    }
    guard let (entitled, expected) = onlyDay else {
      return breaches.verdict(otherwise: .ok("lag 0; more than one day, so how full each must be is open"))
    }
    let waiting = entitled.count { $0.last.isUnknown }
    let rows = evidence.database.coupons.count
    if rows < expected, waiting == 0 || entitled.contains(where: { $0.last == .soldOut }) {
      breaches.add("\(rows) coupons for \(entitled.count) people and a quota of \(policy.dailyQuota)")
    }
    let giveUp =
      "\(waiting) people gave up without an answer, and only \(rows) of \(expected) coupons are issued"
    let full = "lag 0 after \(evidence.settling.seconds.tenths) s, \(rows) of \(expected) coupons issued"
    // Another generator's people give up when its time is over: that is no fault of the run.
    let open = evidence.clients == .timed ? Finding.Verdict.vacuous(giveUp) : .inPart("lag 0; \(giveUp)")
    return breaches.verdict(otherwise: rows < expected ? open : .ok(full))
  }
}
