import CouponDomain
import History

/// I3: whoever was given a coupon has exactly that row.
extension Checker {
  func acknowledgedIsRecorded() -> Finding.Verdict {
    var breaches = Breaches()
    var acknowledged = 0
    for (user, person) in people.byName {
      if person.coupons.count < person.acknowledged {
        breaches.add("\(user) got 200 or 201 without a coupon")
      }
      for seen in person.coupons {
        acknowledged += 1
        guard let day = seen.day else {
          breaches.add("\(user) received the coupon \(seen.couponID), which has no row")
          continue
        }
        let period = policy.period(of: day)
        let rows = (rowsByPerson[user] ?? []).filter { policy.period(of: $0.day) == period }
        if rows.count != 1 {
          breaches.add("\(user) received a coupon of \(day) and has \(rows.count) rows")
        } else if let difference = difference(seen, rows[0].coupon) {
          breaches.add("\(user)'s row differs from the coupon in the answer: \(difference)")
        }
      }
    }
    return breaches.verdict(
      otherwise: acknowledged == 0
        ? .vacuous("nobody received a coupon") : .ok("\(acknowledged) answers with a coupon"))
  }

  private func difference(_ seen: SeenCoupon, _ row: Coupon) -> String? {
    if seen.couponID != row.claim.couponID { return "couponId" }
    guard let day = seen.day, let issuedAt = seen.issuedAt else { return nil }
    if day != row.claim.day { return "day \(day), \(row.claim.day)" }
    if let rank = seen.rank, rank != row.rank { return "rank \(rank), \(row.rank ?? 0)" }
    if seen.rank == nil, evidence.isRanked { return "no rank" }
    if issuedAt != row.claim.issuedAt { return "issuedAt" }
    return nil
  }
}
