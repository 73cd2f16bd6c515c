import CouponDomain

/// I7: policy_day.issued is the number of rows, ranks are 1, 2, 3 ….
extension Checker {
  func counters() -> Finding.Verdict {
    var breaches = Breaches()
    for day in Set(rowsByDay.keys).union(evidence.database.days.keys) {
      let rows = rowsByDay[day] ?? []
      let issued = evidence.database.days[day]?.issued
      if issued ?? 0 != rows.count {
        breaches.add(
          "\(day) has \(rows.count) rows, policy_day says \(issued.map { String($0) } ?? "nothing")")
      }
      guard evidence.isRanked else { continue }
      let ranks = rows.map { $0.coupon.rank ?? 0 }.sorted()
      if !ranks.elementsEqual(1..<(rows.count + 1)) {
        let wrong = zip(ranks, 1...).first { $0 != $1 }
        breaches.add("\(day): where rank \(wrong?.1 ?? 0) should be, there is \(wrong?.0 ?? 0)")
      }
    }
    let days = rowsByDay.count
    return breaches.verdict(otherwise: .ok("\(days) \(days == 1 ? "day" : "days")"))
  }
}
