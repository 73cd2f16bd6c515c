import CouponDomain

/// I8: a row's day is its event's day.
extension Checker {
  func dayOfEvent() -> Finding.Verdict {
    guard !evidence.database.coupons.isEmpty else { return .vacuous("there are no rows") }
    var breaches = Breaches()
    let events = Dictionary(
      evidence.database.events.compactMap(\.claim).map { ($0.couponID, $0) }, uniquingKeysWith: { a, _ in a })
    let logged = Dictionary(claims.map { ($0.claim.eventID, $0.claim) }, uniquingKeysWith: { a, _ in a })
    for row in evidence.database.coupons {
      let claim = row.coupon.claim
      if !policy.isEventDay(row.day) {
        breaches.add("\(claim.userID)'s row has the day \(row.day), which is not a day of the event")
      }
      guard let event = events[claim.couponID] else { continue }  // I4 speaks of that
      if event.day != row.day {
        breaches.add("\(claim.userID)'s row has the day \(row.day), its event \(event.day)")
      }
      if let message = logged[event.eventID], message.day != event.day {
        breaches.add("\(claim.userID)'s event has the day \(event.day), in the log \(message.day)")
      }
    }
    return breaches.verdict(otherwise: .ok("\(evidence.database.coupons.count) rows"))
  }
}
