import CouponDomain
import Text
import History

extension Invariant {
  /// Why it cannot be checked with this evidence of the clients; nil where it can, at least in part.
  fileprivate func isBeyond(_ clients: ClientEvidence) -> String? {
    switch (self, clients) {
    case (_, .timed): nil
    case (.deadlines, _), (.notVacuous, _), (.soldOutIsTrue, _):
      "it needs the times of requests, which only a history of lab load has"
    case (.acknowledgedIsRecorded, .none), (.refusedIsNotRecorded, .none), (.createdOnce, .none):
      "it needs a history of the clients' answers"
    case (_, .untimed), (_, .none): nil
    }
  }
}

/// Judges the evidence of one run, one invariant at a time; each judgement is a file in `Invariants`.
struct Checker {
  let evidence: Evidence
  let people: People
  let rowsByDay: [Day: [DatabaseEvidence.CouponRow]]
  let rowsByPerson: [UserID: [DatabaseEvidence.CouponRow]]
  /// The claims of the policy in the order of the log.
  let claims: [(claim: CouponClaim, appendedAt: Timestamp)]

  init(_ evidence: Evidence) {
    self.evidence = evidence
    people = People(evidence.histories)
    rowsByDay = Dictionary(grouping: evidence.database.coupons, by: \.day)
    rowsByPerson = Dictionary(grouping: evidence.database.coupons, by: \.coupon.claim.userID)
    claims = (evidence.log?.messages ?? []).compactMap { message in
      if case .claim(let claim) = message.content { (claim, message.appendedAt) } else { nil }
    }
  }

  func verdict(on invariant: Invariant) -> Finding.Verdict {
    if let why = invariant.isBeyond(evidence.clients) { return .notChecked(why) }
    return switch invariant {
    case .quota: quota()
    case .onePerPerson: onePerPerson()
    case .acknowledgedIsRecorded: acknowledgedIsRecorded()
    case .recordedWasAsked: recordedWasAsked()
    case .refusedIsNotRecorded: refusedIsNotRecorded()
    case .logOrder: logOrder()
    case .counters: counters()
    case .dayOfEvent: dayOfEvent()
    case .committedIsApplied: committedIsApplied()
    case .healing: healing()
    case .deadLetters: deadLetters()
    case .deadlines: deadlines()
    case .notVacuous: notVacuous()
    case .soldOutIsTrue: soldOutIsTrue()
    case .openingHours: openingHours()
    case .createdOnce: createdOnce()
    case .soundEvidence: soundEvidence()
    }
  }

  var policy: Policy { evidence.policy }

  /// The people with a claim on the run's only day, and the number of coupons they must have; nil with several days.
  var onlyDay: (entitled: [People.Person], expected: Int)? {
    let days = Set(rowsByDay.keys).union(people.byName.values.flatMap { $0.coupons.compactMap(\.day) })
    guard days.count <= 1 else { return nil }
    // Whether those who were refused for the hours had no claim on the day, I15 says.
    let entitled = people.byName.values.filter { $0.last != .notOpen }
    return (entitled, min(policy.dailyQuota, entitled.count))
  }

  /// Oversold and doubled coupons, in rows or in answers; lost and missing ones.
  var tally: Tally {
    var tally = Tally(rows: evidence.database.coupons.count)
    var byDay: [Day: Set<CouponID>] = [:]
    var byPeriod: [Day: [UserID: Set<CouponID>]] = [:]
    func hold(_ coupon: CouponID, _ user: UserID, _ day: Day) {
      byDay[day, default: []].insert(coupon)
      byPeriod[policy.period(of: day), default: [:]][user, default: []].insert(coupon)
    }
    var extraRows = 0
    for (user, rows) in rowsByPerson {
      extraRows += rows.count - Set(rows.map(\.coupon.claim.couponID)).count
      for row in rows { hold(row.coupon.claim.couponID, user, row.day) }
    }
    for (user, person) in people.byName {
      for coupon in person.coupons { if let day = coupon.day { hold(coupon.couponID, user, day) } }
      let recorded = Set((rowsByPerson[user] ?? []).map(\.coupon.claim.couponID))
      tally.lost += Set(person.coupons.map(\.couponID)).subtracting(recorded).count
    }
    if let day = onlyDay {
      // Another generator's people may have stopped asking without an answer.
      let isTimed = evidence.clients == .timed
      let settled = day.entitled.count { isTimed || !$0.last.isUnknown }
      tally.missing = max(0, min(day.expected, settled) - tally.rows)
    }
    tally.oversold = byDay.values.reduce(0) { $0 + max(0, $1.count - policy.dailyQuota) }
    tally.duplicates = byPeriod.values.reduce(extraRows) { sum, users in
      sum + users.values.reduce(0) { $0 + $1.count - 1 }
    }
    return tally
  }
}
