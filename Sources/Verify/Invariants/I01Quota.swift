import CouponDomain

/// I1: a day never has more coupons than its quota.
extension Checker {
  func quota() -> Finding.Verdict {
    var breaches = Breaches()
    for (day, rows) in rowsByDay where rows.count > policy.dailyQuota {
      breaches.add("\(day) has \(rows.count) rows for a quota of \(policy.dailyQuota)")
    }
    let most = rowsByDay.values.map(\.count).max() ?? 0
    return breaches.verdict(otherwise: .ok("at most \(most) rows a day, quota \(policy.dailyQuota)"))
  }
}
