import CouponDomain

/// I5: whoever was only refused has no row; no winner was told "sold out", and nobody of a crowd 400 or 404.
extension Checker {
  /// A full list, or a full counter, has every winner of the day in it: where there was one day only, nobody who was
  /// told "sold out" can have a row, whatever else they were told. And a crowd asks as the contract says, for a policy
  /// that exists: "sold out" and "not open" are the only refusals that it can deserve.
  func refusedIsNotRecorded() -> Finding.Verdict {
    var breaches = Breaches()
    var refused = 0
    let hasOneDay = evidence.isRanked && onlyDay != nil
    for (user, person) in people.byName {
      let wasOnlyRefused = person.refusals == person.asked
      if wasOnlyRefused { refused += 1 }
      if person.turnedAway > 0 {
        breaches.add("\(user) got a refusal other than \"sold out\" and \"not open\"")
      }
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
