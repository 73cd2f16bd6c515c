import CouponDomain

/// I2: a person has at most one coupon of a period.
extension Checker {
  func onePerPerson() -> Finding.Verdict {
    var breaches = Breaches()
    for (user, rows) in rowsByPerson {
      for (period, count) in Dictionary(grouping: rows, by: { policy.period(of: $0.day) })
        .mapValues(\.count) where count > 1
      { breaches.add("\(user) has \(count) rows for the period \(period)") }
      for row in rows where row.period != policy.period(of: row.day) {
        breaches.add("\(user)'s row of \(row.day) is stored under the period \(row.period)")
      }
    }
    return breaches.verdict(otherwise: .ok("\(rowsByPerson.count) people with rows"))
  }
}
