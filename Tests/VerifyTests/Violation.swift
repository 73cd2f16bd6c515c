import CouponDomain
import History
import LabTestSupport
import Text
import Verify

/// One thing that is wrong in a run that is right otherwise.
enum Violation: String, CaseIterable {
  // What people were told.
  case notOpenWhileOpen, turnedAway, soldOutTooEarly, soldOutAfterMidnight, soldOutWhileClosed, createdTwice
  case createdWithoutCoupon, createdWhileClosed, anotherCouponShown, anotherRankShown, anotherDayShown
  case anotherTimeShown, winnerOnlyRefused, tooLate, wonDuringOutage, faultThatNeverBit
  // The history as such.
  case personMissing, historyOfAnotherPolicy, historyOfAnotherStrategy, clockSet, answersAfterTheEnd
  // The tables.
  case rowLost, rowOfNobody, rowTwice, rowUnderAnotherPeriod, rowOfAnotherDay, couponBeforeTheOpening
  case ranksSwapped, counterOff, eventMissing, eventTwice, eventOfAnotherMoment, eventUnreadable
  case quotaOfThePolicy, quotaOfTheDay, dayMissing, openingOfThePolicy, creationMissing
  // The log, and what was read of it.
  case strategyForged, programOfAnotherStrategy, quotaOfTheLog, policyNotInTheLog, messageMissing,
    messagesSwapped
  case offsetsUnread, committedAhead, appliedAhead, lagLeft, letterMissing, letterTwice, letterWithoutCause

  /// The invariants of which at least one must see it.
  var breaks: Set<Invariant> {
    switch self {
    case .notOpenWhileOpen, .soldOutWhileClosed, .createdWhileClosed, .couponBeforeTheOpening: [.openingHours]
    case .turnedAway, .winnerOnlyRefused: [.refusedIsNotRecorded]
    case .soldOutTooEarly, .soldOutAfterMidnight: [.soldOutIsTrue]
    case .createdTwice: [.createdOnce]
    case .createdWithoutCoupon, .anotherCouponShown, .anotherRankShown, .anotherDayShown, .anotherTimeShown:
      [.acknowledgedIsRecorded]
    case .tooLate, .wonDuringOutage: [.deadlines]
    case .faultThatNeverBit: [.notVacuous]
    case .personMissing, .historyOfAnotherPolicy, .historyOfAnotherStrategy, .clockSet, .answersAfterTheEnd,
      .eventUnreadable, .quotaOfThePolicy, .quotaOfTheDay, .dayMissing, .openingOfThePolicy, .creationMissing,
      .strategyForged, .programOfAnotherStrategy, .quotaOfTheLog, .policyNotInTheLog:
      [.soundEvidence]
    case .rowLost, .rowOfNobody, .eventMissing, .eventTwice, .eventOfAnotherMoment: [.recordedWasAsked]
    case .rowTwice, .rowUnderAnotherPeriod: [.onePerPerson]
    case .rowOfAnotherDay: [.dayOfEvent]
    case .ranksSwapped: [.recordedWasAsked, .logOrder]
    case .counterOff: [.counters]
    case .messageMissing, .messagesSwapped: [.logOrder]
    case .offsetsUnread, .committedAhead, .appliedAhead: [.committedIsApplied]
    case .lagLeft: [.healing]
    case .letterMissing, .letterTwice, .letterWithoutCause: [.deadLetters]
    }
  }

  /// False where the run has nothing to plant it in.
  func plant(in run: inout GeneratedRun) throws -> Bool {
    switch self {
    case .notOpenWhileOpen:
      let opensAt = run.opensAt
      return run.changeOne({ $0.outcome == .soldOut && Int($0.sent) >= opensAt }) { $0.outcome = .notOpen }
    case .turnedAway: return run.changeOne({ !$0.outcome.isOK }) { $0.outcome = .refused }
    case .soldOutTooEarly: return run.hearSoldOut { day in day.filledAt - 1 }
    case .soldOutAfterMidnight:
      guard let midnight = run.midnight, run.isFull(0) else { return false }
      return run.hearSoldOut(on: 1) { min($0.filledAt - 1, Int64(midnight) + 2) }
    case .soldOutWhileClosed:
      guard run.midnight == nil else { return false }
      return run.changeOne({ $0.outcome == .soldOut }) { ($0.sent, $0.answered) = (500_000, 500_900) }
    case .createdTwice:
      return run.changeOne({ $0.outcome == .existing }, createdBefore: true) { $0.outcome = .created }
    case .createdWithoutCoupon:
      return run.changeOne({ $0.outcome == .created }) {
        $0 = RequestRecord(
          call: .coupon, outcome: .created, attempt: $0.attempt, person: $0.person, due: $0.due,
          sent: $0.sent, answered: $0.answered)
      }
    case .createdWhileClosed:
      guard run.midnight == nil else { return false }
      return run.changeOne({ $0.outcome == .created }) { ($0.sent, $0.answered) = (500_000, 500_900) }
    case .anotherCouponShown:
      return run.showOne {
        .init(couponID: CouponID(high: 9, low: 9), rank: $0.rank, day: $0.day, issuedAt: $0.issuedAt)
      }
    case .anotherRankShown:
      return run.showOne {
        .init(couponID: $0.couponID, rank: ($0.rank ?? 0) + 1, day: $0.day, issuedAt: $0.issuedAt)
      }
    case .anotherDayShown:
      return run.showOne {
        .init(couponID: $0.couponID, rank: $0.rank, day: $0.day?.advanced(by: 1), issuedAt: $0.issuedAt)
      }
    case .anotherTimeShown:
      return run.showOne { seen in
        let later = seen.issuedAt.map { Timestamp(microseconds: $0.microseconds + 1) }
        return .init(couponID: seen.couponID, rank: seen.rank, day: seen.day, issuedAt: later)
      }
    case .winnerOnlyRefused: return run.refuseOneWinner()
    case .tooLate:
      return run.changeOne({ $0.outcome == .soldOut || $0.outcome == .existing }) {
        $0.answered = $0.sent + 2_500_001
      }
    case .wonDuringOutage: return run.breakDecidingServer(bites: 1)
    case .faultThatNeverBit: return run.breakDecidingServer(bites: 0)
    case .personMissing, .historyOfAnotherPolicy, .historyOfAnotherStrategy, .clockSet, .answersAfterTheEnd:
      return try plantInHistory(of: &run)
    case .rowLost, .rowOfNobody, .rowTwice, .rowUnderAnotherPeriod, .rowOfAnotherDay, .couponBeforeTheOpening,
      .ranksSwapped, .counterOff:
      return try plantInRows(of: &run)
    case .eventMissing, .eventTwice, .eventOfAnotherMoment, .eventUnreadable, .quotaOfThePolicy,
      .quotaOfTheDay,
      .dayMissing, .openingOfThePolicy, .creationMissing:
      return try plantInTables(of: &run)
    default: return try plantInLog(of: &run)
    }
  }

  private func plantInHistory(of run: inout GeneratedRun) throws -> Bool {
    var history = run.evidence.histories[0]
    switch self {
    case .personMissing:
      let person = UInt32(run.random.below(history.run.people))
      history.requests.removeAll { $0.person == person }
    case .historyOfAnotherPolicy: history.run.policyID = try unwrap(PolicyID(8))
    case .historyOfAnotherStrategy: history.run.strategy = "optimistic"
    case .clockSet:
      let end = try unwrap(history.run.end)
      history.run.end = RunEnd(after: end.after, at: Timestamp(microseconds: end.at.microseconds + 600_000))
    default:
      let last = Int64(try unwrap(history.requests.map(\.answered).max()))
      history.run.end = RunEnd(
        after: last - 1, at: Timestamp(microseconds: history.run.startedAt.microseconds + last - 1))
    }
    run.evidence.histories = [history]
    return true
  }

  private func plantInRows(of run: inout GeneratedRun) throws -> Bool {
    var rows = run.evidence.database.coupons
    guard let chosen = rows.indices.randomElement(using: &run.random) else { return false }
    let (row, claim) = (rows[chosen], rows[chosen].coupon.claim)
    switch self {
    case .rowLost: rows.remove(at: chosen)
    case .rowOfNobody:
      let stranger = CouponClaim(
        eventID: EventID(high: 77, low: 7), couponID: CouponID(high: 77, low: 7), policyID: claim.policyID,
        userID: try unwrap(UserID("stranger")), day: row.day, issuedAt: claim.issuedAt)
      rows.append(.init(coupon: Coupon(claim: stranger, rank: rows.count + 1), period: row.period))
    case .rowTwice: rows.append(row)
    case .rowUnderAnotherPeriod: rows[chosen].period = row.period.advanced(by: 1)
    case .rowOfAnotherDay:
      let moved = CouponClaim(
        eventID: claim.eventID, couponID: claim.couponID, policyID: claim.policyID, userID: claim.userID,
        day: claim.day.advanced(by: 1), issuedAt: claim.issuedAt)
      rows[chosen].coupon = Coupon(claim: moved, rank: row.coupon.rank)
    case .couponBeforeTheOpening:
      guard run.midnight == nil else { return false }
      // In each ledger, so that all of them agree.
      let opening = run.evidence.histories[0].moment(UInt32(run.opensAt))
      run.reissue(claim, at: Timestamp(microseconds: opening.microseconds - 1))
      return true
    case .ranksSwapped:
      guard let other = rows.firstIndex(where: { $0.day == row.day && $0 != row }) else { return false }
      let (mine, theirs) = (row.coupon.rank, rows[other].coupon.rank)
      rows[chosen].coupon = Coupon(claim: claim, rank: theirs)
      rows[other].coupon = Coupon(claim: rows[other].coupon.claim, rank: mine)
    default:  // counterOff
      run.evidence.database.days[row.day]?.issued += run.random.below(2) == 0 ? 1 : -1
      return true
    }
    run.evidence.database.coupons = rows
    return true
  }

  private func plantInTables(of run: inout GeneratedRun) throws -> Bool {
    let policy = run.evidence.policy
    let claims = run.evidence.database.events.indices.filter { run.evidence.database.events[$0].claim != nil }
    let days = run.evidence.database.days.keys.sorted()
    let day = days[run.random.below(days.count)]
    switch self {
    case .quotaOfThePolicy: run.evidence.database.policy = try policy.changed(quota: policy.dailyQuota + 1)
    case .openingOfThePolicy:
      run.evidence.database.policy = try policy.changed(opensAt: Int(policy.opensAt.seconds) + 1)
    case .quotaOfTheDay: run.evidence.database.days[day]?.quota += 1
    case .dayMissing: run.evidence.database.days[day] = nil
    case .creationMissing: run.evidence.database.events.removeFirst()
    default:
      guard let chosen = claims.randomElement(using: &run.random) else { return false }
      let event = run.evidence.database.events[chosen]
      switch self {
      case .eventMissing: run.evidence.database.events.remove(at: chosen)
      case .eventTwice: run.evidence.database.events.append(event)
      case .eventUnreadable: run.evidence.database.events[chosen].content = .unreadable("not JSON")
      default:
        run.evidence.database.events[chosen].content = .claim(try unwrap(event.claim).later)
      }
    }
    return true
  }

  private func plantInLog(of run: inout GeneratedRun) throws -> Bool {
    let policy = run.evidence.policy
    if self == .programOfAnotherStrategy {
      run.evidence.programStrategy = "advisory-lock"
      return true
    }
    guard let log = run.evidence.log else { return false }
    let winners = log.messages.indices.filter { index in
      if case .claim(let claim) = log.messages[index].content {
        run.evidence.database.coupons.contains { $0.coupon.claim == claim }
      } else {
        false
      }
    }
    switch self {
    case .strategyForged:
      run.evidence.strategy = "redis-lua"
      run.evidence.histories[0].run.strategy = "redis-lua"
    case .quotaOfTheLog:
      let other = try policy.changed(quota: policy.dailyQuota + 1)
      run.evidence.log?.policy = other
      run.evidence.policy = other
    case .policyNotInTheLog: run.evidence.log?.policy = nil
    case .messageMissing:
      guard let chosen = winners.randomElement(using: &run.random) else { return false }
      run.evidence.log?.messages.remove(at: chosen)
    case .messagesSwapped:
      guard winners.count > 1 else { return false }
      let (a, b) = (log.messages[winners[0]], log.messages[winners[1]])
      guard case .claim(let first) = a.content, case .claim(let second) = b.content, first.day == second.day
      else {
        return false
      }
      run.evidence.log?.messages[winners[0]] = a.with(b.content)
      run.evidence.log?.messages[winners[1]] = b.with(a.content)
    case .offsetsUnread: run.evidence.log?.committed = nil
    case .committedAhead: run.evidence.log?.committed = [0: Int64(log.messages.count) + 1]
    case .appliedAhead: run.evidence.database.applied = [0: Int64(log.messages.count) + 1]
    case .lagLeft: run.evidence.settling = Settling(lag: 1, seconds: 60)
    case .letterMissing, .letterTwice:
      guard let letter = run.evidence.database.deadLetters.first else { return false }
      run.evidence.database.deadLetters = self == .letterTwice ? [letter, letter] : []
    default: run.evidence.database.deadLetters.append(.init(partition: 0, offset: 0))
    }
    return true
  }
}

extension Policy {
  fileprivate func changed(quota: Int? = nil, opensAt: Int? = nil) throws -> Policy {
    try Policy(
      id: id, name: name, startsOn: startsOn, endsOn: endsOn,
      opensAt: opensAt.flatMap { TimeOfDay(seconds: $0) } ?? self.opensAt, timeZone: timeZone,
      dailyQuota: quota ?? dailyQuota, perPerson: perPerson)
  }
}

extension CouponClaim {
  fileprivate var later: CouponClaim {
    CouponClaim(
      eventID: eventID, couponID: couponID, policyID: policyID, userID: userID, day: day,
      issuedAt: Timestamp(microseconds: issuedAt.microseconds + 1))
  }
}

extension LogEvidence.Message {
  fileprivate func with(_ content: Content) -> LogEvidence.Message {
    .init(partition: partition, offset: offset, appendedAt: appendedAt, content: content)
  }
}
