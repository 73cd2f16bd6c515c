import CouponDomain
import Text

/// What the tables say by themselves: I1, I2, I7, I8.
extension Checker {
  func quota() -> Finding.Verdict {
    var breaches = Breaches()
    for (day, rows) in rowsByDay where rows.count > policy.dailyQuota {
      breaches.add("\(day) has \(rows.count) rows for a quota of \(policy.dailyQuota)")
    }
    let most = rowsByDay.values.map(\.count).max() ?? 0
    return breaches.verdict(otherwise: .ok("at most \(most) rows a day, quota \(policy.dailyQuota)"))
  }

  func onePerPerson() -> Finding.Verdict {
    var breaches = Breaches()
    for (user, rows) in rowsByPerson {
      for (period, count) in Dictionary(grouping: rows, by: { policy.period(of: $0.day) })
        .mapValues(\.count) where count > 1
      { breaches.add("\(user) has \(count) rows of the period \(period)") }
      for row in rows where row.period != policy.period(of: row.day) {
        breaches.add("\(user)'s row of \(row.day) is filed under the period \(row.period)")
      }
    }
    return breaches.verdict(otherwise: .ok("\(rowsByPerson.count) people with rows"))
  }

  func counters() -> Finding.Verdict {
    var breaches = Breaches()
    for day in Set(rowsByDay.keys).union(evidence.database.issued.keys) {
      let rows = rowsByDay[day] ?? []
      let issued = evidence.database.issued[day]
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

  func dayOfEvent() -> Finding.Verdict {
    guard !evidence.database.coupons.isEmpty else { return .vacuous("there are no rows") }
    var breaches = Breaches()
    let events = Dictionary(
      evidence.database.events.compactMap(\.claim).map { ($0.couponID, $0) }, uniquingKeysWith: { a, _ in a })
    let logged = Dictionary(claims.map { ($0.claim.eventID, $0.claim) }, uniquingKeysWith: { a, _ in a })
    for row in evidence.database.coupons {
      let claim = row.coupon.claim
      if !policy.isEventDay(row.day) {
        breaches.add("\(claim.userID)'s row is of \(row.day), which is not a day of the event")
      }
      guard let event = events[claim.couponID] else { continue }  // I4 speaks of that
      if event.day != row.day {
        breaches.add("\(claim.userID)'s row is of \(row.day), its event of \(event.day)")
      }
      if let message = logged[event.eventID], message.day != event.day {
        breaches.add("\(claim.userID)'s event is of \(event.day), in the log of \(message.day)")
      }
    }
    return breaches.verdict(otherwise: .ok("\(evidence.database.coupons.count) rows"))
  }
}
