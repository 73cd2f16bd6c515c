import CouponDomain
import History

/// I4: every row was asked for, and has its event.
extension Checker {
  func recordedWasAsked() -> Finding.Verdict {
    guard !evidence.database.coupons.isEmpty else { return .vacuous("there are no rows") }
    var breaches = Breaches()
    let isAsked = evidence.clients != .none
    let events = Dictionary(grouping: evidence.database.events.compactMap(\.claim), by: \.couponID)
    let ranks = Dictionary(
      evidence.database.events.compactMap { event in event.claim.map { ($0.eventID, event.rank) } },
      uniquingKeysWith: { first, _ in first })
    let logged = Dictionary(
      claims.map { ($0.claim.eventID, $0.claim) }, uniquingKeysWith: { first, _ in first })
    for row in evidence.database.coupons {
      let claim = row.coupon.claim
      let person = people[claim.userID]
      if !isAsked {
        // Only its event can be looked for.
      } else if person == nil {
        let hint = evidence.clients == .untimed ? " (were all files of the test given?)" : ""
        breaches.add("\(claim.userID) has a row but sent no request\(hint)")
      } else if let person, !person.coupons.contains(where: { $0.couponID == claim.couponID }),
        person.unknown == 0
      {
        breaches.add("\(claim.userID) has a row of \(row.day) that none of their requests can have created")
      } else if let person, person.coupons.isEmpty, person.unknown > 0, !person.mayHaveMore {
        breaches.add("\(claim.userID) has a row, but every answer said that nothing was done")
      }
      let mine = events[claim.couponID] ?? []
      if mine.count != 1 { breaches.add("\(claim.userID)'s row has \(mine.count) events in the table") }
      guard let event = mine.first else { continue }
      if event.userID != claim.userID || event.issuedAt != claim.issuedAt || event.policyID != claim.policyID
        || ranks[event.eventID] != .some(row.coupon.rank)
      {
        breaches.add("\(claim.userID)'s row differs from its event in the table")
      }
      guard evidence.log != nil else { continue }
      if let message = logged[event.eventID] {
        if message != event { breaches.add("\(claim.userID)'s event differs in the log") }
      } else {
        breaches.add("\(claim.userID)'s event is not in the log")
      }
    }
    let recorded = Set(evidence.database.coupons.map(\.coupon.claim.couponID))
    for coupon in events.keys where !recorded.contains(coupon) {
      breaches.add("the event of the coupon \(coupon) has no row")
    }
    let rows = "\(evidence.database.coupons.count) rows"
    let held: Finding.Verdict =
      switch evidence.clients {
      case .timed: .ok(rows)
      case .untimed: .inPart("\(rows); the CSV does not show whether a 503 had an effect")
      case .none: .inPart("\(rows) with their events; without a history it is unknown who asked")
      }
    return breaches.verdict(otherwise: held)
  }
}
