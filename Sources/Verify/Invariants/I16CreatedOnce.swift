import CouponDomain
import History

/// I16: a coupon is created once: one 201, then 200.
extension Checker {
  func createdOnce() -> Finding.Verdict {
    var breaches = Breaches()
    var created: [CouponID: Int] = [:]
    for history in evidence.histories {
      for request in history.requests where request.call == .coupon && request.outcome == .created {
        guard let coupon = history.coupon(of: request) else { continue }  // I3 speaks of that
        created[coupon.couponID, default: 0] += 1
      }
    }
    for (coupon, times) in created where times > 1 {
      breaches.add("\(times) requests got 201 for the coupon \(coupon)")
    }
    return breaches.verdict(
      otherwise: created.isEmpty ? .notApplicable("no request got 201") : .ok("\(created.count) coupons"))
  }
}
