import CouponDomain
import History
import Text

/// I14: nobody hears "sold out" before the last coupon of the day is won.
extension Checker {
  func soldOutIsTrue() -> Finding.Verdict {
    guard evidence.isRanked else { return .notApplicable("with this strategy Redis says when it is full") }
    // The quota-th smallest of the winners' times: before it, no order of events can have filled the day.
    let filled = rowsByDay.compactMapValues { rows in
      rows.count < policy.dailyQuota ? nil : wonAt(rows).sorted()[policy.dailyQuota - 1]
    }
    var hours = OpeningHours(policy)
    var breaches = Breaches()
    var refusals = 0
    for history in evidence.histories {
      for request in history.requests where request.call == .coupon && request.outcome == .soldOut {
        refusals += 1
        // The day is fixed when a request is admitted: one that was under way at midnight may be of either.
        let days = hours.days(in: history.span(of: request))
        guard let first = days.compactMap({ filled[$0] }).min() else {
          breaches.add("person \(request.person) got \"sold out\" on a day that is not full")
          continue
        }
        let early = first.microseconds - history.moment(request.answered).microseconds
        if early > 0 { breaches.add("person \(request.person) got \"sold out\" \(early) µs too early") }
      }
    }
    return breaches.verdict(
      otherwise: refusals == 0
        ? .notApplicable("nobody was told \"sold out\"") : .ok("\(refusals) answers \"sold out\""))
  }

  /// When each row was won at the earliest: appended to the log, or recorded under the lock where there is none. A
  /// message that is younger than its row is of a log that was rebuilt, and tells nothing.
  private func wonAt(_ rows: [DatabaseEvidence.CouponRow]) -> [Timestamp] {
    let appended = Dictionary(
      claims.map { ($0.claim.couponID, $0.appendedAt) }, uniquingKeysWith: { first, _ in first })
    let recorded = Dictionary(
      evidence.database.events.compactMap { event in event.claim.map { ($0.couponID, event.recordedAt) } },
      uniquingKeysWith: { first, _ in first })
    return rows.map { row in
      let claim = row.coupon.claim
      guard let recorded = recorded[claim.couponID] else { return claim.issuedAt }
      if evidence.architecture == .monolith { return recorded }
      guard let appended = appended[claim.couponID], appended <= recorded else { return claim.issuedAt }
      return appended
    }
  }
}
