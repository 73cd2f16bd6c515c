import CouponDomain
import Text

/// What the clients saw against the tables: I3, I4, I5.
extension Checker {
  func acknowledgedIsRecorded() -> Finding.Verdict {
    var breaches = Breaches()
    var acknowledged = 0
    for (user, person) in people.byName {
      for seen in person.coupons {
        acknowledged += 1
        guard let day = seen.day else {
          breaches.add("\(user) was given the coupon \(seen.couponID), which has no row")
          continue
        }
        let period = policy.period(of: day)
        let rows = (rowsByPerson[user] ?? []).filter { policy.period(of: $0.day) == period }
        if rows.count != 1 {
          breaches.add("\(user) was given a coupon of \(day) and has \(rows.count) rows")
        } else if let difference = difference(seen, rows[0].coupon) {
          breaches.add("\(user)'s row differs from the coupon that they were given: \(difference)")
        }
      }
    }
    return breaches.verdict(
      otherwise: acknowledged == 0
        ? .vacuous("nobody was given a coupon") : .ok("\(acknowledged) answers with a coupon"))
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

  func recordedWasAsked() -> Finding.Verdict {
    guard !evidence.database.coupons.isEmpty else { return .vacuous("there are no rows") }
    var breaches = Breaches()
    let isAsked = evidence.clients != .none
    let events = Dictionary(grouping: evidence.database.events.compactMap(\.claim), by: \.couponID)
    let logged = Set(claims.map(\.claim.eventID))
    for row in evidence.database.coupons {
      let claim = row.coupon.claim
      let person = people[claim.userID]
      if !isAsked {
        // Only its event can be looked for.
      } else if person == nil {
        let hint = evidence.clients == .untimed ? " (are all files of the test here?)" : ""
        breaches.add("\(claim.userID) has a row and never asked\(hint)")
      } else if let person, !person.coupons.contains(where: { $0.couponID == claim.couponID }),
        person.unknown == 0
      {
        breaches.add("\(claim.userID) has a row of \(row.day) that none of their requests can have made")
      } else if let person, person.coupons.isEmpty, person.unknown > 0, !person.mayHaveMore {
        breaches.add("\(claim.userID) has a row and was only ever told that nothing was done")
      }
      let mine = events[claim.couponID] ?? []
      if mine.count != 1 { breaches.add("\(claim.userID)'s row has \(mine.count) events in the table") }
      if evidence.log != nil, let event = mine.first, !logged.contains(event.eventID) {
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
      case .untimed: .inPart("\(rows); no line says of a 503 whether anything was done")
      case .none: .inPart("\(rows) with their events; nothing says who asked")
      }
    return breaches.verdict(otherwise: held)
  }

  /// A full list, or a full counter, has every winner of the day in it: where there was one day only, nobody who was
  /// told "sold out" can have a row, whatever else they were told.
  func refusedIsNotRecorded() -> Finding.Verdict {
    var breaches = Breaches()
    var refused = 0
    let hasOneDay = evidence.isRanked && onlyDay != nil
    for (user, person) in people.byName {
      let wasOnlyRefused = person.refusals == person.asked
      if wasOnlyRefused { refused += 1 }
      guard wasOnlyRefused || (hasOneDay && person.soldOut > 0), let row = rowsByPerson[user]?.first else {
        continue
      }
      let told = wasOnlyRefused ? "only refused" : "told \"sold out\""
      breaches.add("\(user) was \(told) and has rank \(row.coupon.rank ?? 0) of \(row.day)")
    }
    return breaches.verdict(
      otherwise: refused == 0
        ? .notApplicable("nobody was only refused") : .ok("\(refused) people who were only refused"))
  }
}
