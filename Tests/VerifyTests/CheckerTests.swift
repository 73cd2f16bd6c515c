import CouponDomain
import TestSupport
import Testing
import Text
import History
import LabTestSupport
import Verify

/// Each breach is planted in a run that is otherwise right, and the checker has to see it.
@Suite(.limited) struct CheckerTests {
  @Test(arguments: Architecture.allCases, PerPerson.allCases)
  func aRightRunPasses(architecture: Architecture, perPerson: PerPerson) throws {
    let run = try SyntheticRun(architecture, perPerson: perPerson)
    let verification = Verification(checking: run.evidence)
    for finding in verification.findings { #expect(finding.passes, "\(finding)") }
    #expect(verification.findings.map(\.invariant) == Invariant.allCases)
    #expect(verification.tally == Tally(rows: 5, oversold: 0, duplicates: 0))
    #expect(try run.verdict(.notVacuous).word == "n/a")
    #expect(try run.verdict(.logOrder).word == (architecture == .eda ? "ok" : "n/a"))
  }

  @Test(arguments: Architecture.allCases)
  func oneRowTooMany(architecture: Architecture) throws {
    var run = try SyntheticRun(architecture)
    let first = run.evidence.database.coupons[0]
    let claim = try SyntheticRun.claim(7, day: first.day)
    run.evidence.database.coupons.append(
      .init(coupon: Coupon(claim: claim, rank: 6), period: first.period))
    run.evidence.database.events.append(
      .init(sequence: 9, rank: 6, content: .claim(claim), recordedAt: SyntheticRun.start))
    run.issued = 6
    try expectViolated(run, .quota)
    try expectViolated(run, .refusedIsNotRecorded)
    try expectViolated(run, .recordedWasAsked)
    if architecture == .eda { try expectViolated(run, .logOrder) }
    #expect(Verification(checking: run.evidence).tally == Tally(rows: 6, oversold: 1, duplicates: 0))
  }

  @Test func aCouponTooManyInSomebodysHandsIsOversoldToo() throws {
    var run = try SyntheticRun(.monolith)
    let day = run.evidence.policy.startsOn
    let claim = try SyntheticRun.claim(9, day: day)
    run.mapRequests { request, coupon in
      guard request.person == 9 else { return (request, coupon) }
      let seen = SeenCoupon(couponID: claim.couponID, rank: 6, day: day, issuedAt: claim.issuedAt)
      return (SyntheticRun.request(9, .created, at: 2_500_000), seen)
    }
    try expectViolated(run, .acknowledgedIsRecorded)
    #expect(Verification(checking: run.evidence).tally.oversold == 1)
  }

  @Test func whereRedisDecidesThereIsNoOrder() throws {
    var run = try SyntheticRun(.eda).whereRedisDecides()
    #expect(Verification(checking: run.evidence).passed)
    #expect(try run.verdict(.logOrder).word == "n/a")
    #expect(try run.verdict(.soldOutIsTrue).word == "n/a")
    // p7's claim lies behind the winners': here it is a coupon, and one too many.
    let first = run.evidence.database.coupons[0]
    let claim = try SyntheticRun.claim(7, day: first.day)
    run.evidence.database.coupons.append(
      .init(coupon: Coupon(claim: claim, rank: nil), period: first.period))
    run.evidence.database.events.append(
      .init(sequence: 9, rank: nil, content: .claim(claim), recordedAt: SyntheticRun.start))
    run.issued = 6
    try expectViolated(run, .quota)
    try expectViolated(run, .refusedIsNotRecorded)
    #expect(Verification(checking: run.evidence).tally.oversold == 1)
    // Slots that nobody can use any more.
    run = try SyntheticRun(.eda).whereRedisDecides()
    run.evidence.database.coupons.removeLast(2)
    run.evidence.database.events.removeLast(2)
    run.issued = 3
    run.mapRequests { request, coupon in
      [3, 4].contains(request.person)
        ? (SyntheticRun.request(Int(request.person), .unknown, at: 2_600_000), nil) : (request, coupon)
    }
    try expectViolated(run, .healing)
    #expect(Verification(checking: run.evidence).tally == Tally(rows: 3, missing: 2))
  }

  @Test func twoRowsOfOnePerson() throws {
    var run = try SyntheticRun(.monolith)
    let row = run.evidence.database.coupons[4]
    let stolen = CouponClaim(
      eventID: row.coupon.claim.eventID, couponID: row.coupon.claim.couponID,
      policyID: row.coupon.claim.policyID,
      userID: try unwrap(UserID("p1")), day: row.day.advanced(by: 1), issuedAt: row.coupon.claim.issuedAt)
    run.evidence.database.coupons[4] = .init(coupon: Coupon(claim: stolen, rank: 5), period: row.period)
    try expectViolated(run, .onePerPerson)
    try expectViolated(run, .acknowledgedIsRecorded)
    #expect(Verification(checking: run.evidence).tally.duplicates == 1)
  }

  @Test func aRowUnderAnotherPeriod() throws {
    var run = try SyntheticRun(.monolith)
    run.evidence.database.coupons[2].period = run.evidence.policy.endsOn
    try expectViolated(run, .onePerPerson)
  }

  @Test(arguments: Architecture.allCases)
  func anAcknowledgedCouponIsLost(architecture: Architecture) throws {
    var run = try SyntheticRun(architecture)
    run.evidence.database.coupons.removeLast()
    try expectViolated(run, .acknowledgedIsRecorded)
    try expectViolated(run, .counters)
    try expectViolated(run, .soldOutIsTrue)
    try expectViolated(run, .healing)
    try expectViolated(run, .recordedWasAsked)  // an event without a row
    let tally = Verification(checking: run.evidence).tally
    #expect(tally == Tally(rows: 4, lost: 1, missing: 1))
    if architecture == .eda { try expectViolated(run, .logOrder) }
  }

  @Test func anAnswerThatDiffersFromTheRow() throws {
    for change in 0..<4 {
      var run = try SyntheticRun(.eda)
      run.mapRequests { request, coupon in
        guard request.person == 3, let seen = coupon else { return (request, coupon) }
        let other = SeenCoupon(
          couponID: change == 0 ? CouponID(high: 9, low: 9) : seen.couponID,
          rank: change == 1 ? 1 : seen.rank,
          day: change == 2 ? seen.day?.advanced(by: 1) : seen.day,
          issuedAt: change == 3 ? SyntheticRun.start : seen.issuedAt)
        return (request, other)
      }
      try expectViolated(run, .acknowledgedIsRecorded)
    }
  }

  @Test func aRowThatNobodyAskedFor() throws {
    var run = try SyntheticRun(.eda)
    run.mapRequests { request, coupon in request.person == 2 ? nil : (request, coupon) }
    try expectViolated(run, .recordedWasAsked)
  }

  @Test func aRowOfSomebodyWhoWasToldThatNothingWasDone() throws {
    var run = try SyntheticRun(.eda)
    run.mapRequests { request, coupon in
      request.person == 2 ? (SyntheticRun.request(2, .unavailable, at: 2_000_000), nil) : (request, coupon)
    }
    try expectViolated(run, .recordedWasAsked)
    run.mapRequests { request, coupon in
      request.person == 2 ? (SyntheticRun.request(2, .unknown, at: 2_000_000), nil) : (request, coupon)
    }
    #expect(try run.verdict(.recordedWasAsked).passes)
  }

  @Test func aRowWithoutItsEvent() throws {
    var run = try SyntheticRun(.monolith)
    run.evidence.database.events.removeLast()
    try expectViolated(run, .recordedWasAsked)
  }

  @Test func anEventThatIsNotInTheLog() throws {
    var run = try SyntheticRun(.eda)
    run.evidence.log?.messages.removeAll { $0.offset == 4 }
    try expectViolated(run, .recordedWasAsked)
    try expectViolated(run, .logOrder)
  }

  @Test func ranksThatAreNotTheLogs() throws {
    var run = try SyntheticRun(.eda)
    let rows = run.evidence.database.coupons
    run.evidence.database.coupons[0].coupon = Coupon(claim: rows[0].coupon.claim, rank: 2)
    run.evidence.database.coupons[1].coupon = Coupon(claim: rows[1].coupon.claim, rank: 1)
    try expectViolated(run, .logOrder)
    #expect(try run.verdict(.counters).passes)
  }

  @Test func aLaterClaimTookTheSlotOfAnEarlierOne() throws {
    var run = try SyntheticRun(.eda)
    let day = run.evidence.policy.startsOn
    let late = try SyntheticRun.claim(7, day: day)
    let winner = run.evidence.database.coupons[4]
    run.evidence.database.coupons[4] = .init(coupon: Coupon(claim: late, rank: 5), period: winner.period)
    try expectViolated(run, .logOrder)
  }

  @Test func countersAndRanks() throws {
    var run = try SyntheticRun(.monolith)
    run.issued = 6
    try expectViolated(run, .counters)
    run = try SyntheticRun(.monolith)
    run.evidence.database.days = [:]
    try expectViolated(run, .counters)
    run = try SyntheticRun(.monolith)
    let row = run.evidence.database.coupons[4]
    run.evidence.database.coupons[4].coupon = Coupon(claim: row.coupon.claim, rank: 4)
    try expectViolated(run, .counters)
  }

  @Test func aRowOfAnotherDayThanItsEvent() throws {
    var run = try SyntheticRun(.eda)
    let row = run.evidence.database.coupons[4]
    let moved = try SyntheticRun.claim(4, day: row.day.advanced(by: 1))
    run.evidence.database.coupons[4] = .init(coupon: Coupon(claim: moved, rank: 1), period: row.period)
    try expectViolated(run, .dayOfEvent)
    run.evidence.database.coupons[4] = .init(
      coupon: Coupon(claim: try SyntheticRun.claim(4, day: row.day.advanced(by: 3)), rank: 1),
      period: row.period)
    try expectViolated(run, .dayOfEvent)
  }

  @Test func anOffsetCommittedTooEarly() throws {
    var run = try SyntheticRun(.eda)
    run.evidence.log?.committed = [0: 9]
    try expectViolated(run, .committedIsApplied)
    run.evidence.log?.committed = nil
    #expect(try run.verdict(.committedIsApplied).word == "UNREAD")
  }

  @Test func lagThatStays() throws {
    var run = try SyntheticRun(.eda)
    run.evidence.settling = Settling(lag: 3, seconds: 60)
    try expectViolated(run, .healing)
    run.evidence.settling = Settling(lag: 0, seconds: 61)
    try expectViolated(run, .healing)
  }

  @Test func aDayThatDoesNotFill() throws {
    // Four of five coupons, nobody was told "sold out": the people who gave up decide what that means.
    var run = try SyntheticRun(.monolith)
    run.evidence.database.coupons.removeLast()
    run.evidence.database.events.removeLast()
    run.issued = 4
    run.mapRequests { request, coupon in request.person >= 4 ? nil : (request, coupon) }
    #expect(Verification(checking: run.evidence).passed)
    run.mapRequests { request, coupon in (request, coupon) }
    run.evidence.histories[0].append(SyntheticRun.request(8, .timeout, at: 3_000_000))
    run.mapRequests { ($0, $1) }
    #expect(try run.verdict(.healing).word == "VACUOUS")
    #expect(!Verification(checking: run.evidence).passed)
    run.evidence.histories[0].append(SyntheticRun.request(9, .soldOut, at: 3_000_000))
    try expectViolated(run, .healing)
  }

  @Test func poisonWithoutALetterAndALetterWithoutPoison() throws {
    var run = try SyntheticRun(.eda)
    let letter = run.evidence.database.deadLetters[0]
    run.evidence.database.deadLetters = []
    try expectViolated(run, .deadLetters)
    run.evidence.database.deadLetters = [letter, letter]
    try expectViolated(run, .deadLetters)
    run.evidence.database.deadLetters = [letter, .init(partition: 0, offset: 4)]
    try expectViolated(run, .deadLetters)
  }

  @Test func aRequestThatOutlivesItsDeadline() throws {
    var run = try SyntheticRun(.monolith)
    run.mapRequests { request, coupon in
      guard request.person == 8 else { return (request, coupon) }
      return (SyntheticRun.request(8, .soldOut, at: 5_000_000).sent(at: 2_499_000), nil)
    }
    try expectViolated(run, .deadlines)
    // While the program itself is stopped it owes nobody an answer, and all of the rest.
    let start = SyntheticRun.start.microseconds
    let stop = FaultRecord(
      name: "program stopped", target: .api, isOutage: true,
      from: Timestamp(microseconds: start + 3_000_000),
      to: Timestamp(microseconds: start + 3_500_000), bites: 1)
    run.evidence.faults = [stop]
    #expect(try run.verdict(.deadlines).passes)
    run.evidence.faults[0].target = .worker
    try expectViolated(run, .deadlines)
    run.evidence.faults[0].target = .api
    run.evidence.faults[0].from = Timestamp(microseconds: start + 3_499_500)
    try expectViolated(run, .deadlines)
    // A generator that did not run itself could not see the answer; the same time counts once.
    run.evidence.faults[0].from = Timestamp(microseconds: start + 3_450_000)
    for index in run.evidence.histories.indices {
      run.evidence.histories[index].run.stalls = [3_450_000..<3_500_500]
    }
    #expect(try run.verdict(.deadlines).passes)
    run.evidence.faults = []
    for index in run.evidence.histories.indices {
      run.evidence.histories[index].run.stalls = [3_499_500..<3_500_000, 6_000_000..<9_000_000]
    }
    try expectViolated(run, .deadlines)
  }

  @Test func aWinnerDuringAnOutageOfTheDecidingServer() throws {
    var run = try SyntheticRun(.eda)
    let from = Timestamp(microseconds: SyntheticRun.start.microseconds + 1_000_000)
    let to = Timestamp(microseconds: SyntheticRun.start.microseconds + 2_003_500)
    let outage = FaultRecord(
      name: "kafka killed", target: .kafka, isOutage: true, from: from, to: to, bites: 1)
    run.evidence.faults = [outage]
    try expectViolated(run, .deadlines)
    run.evidence.faults[0].target = .database
    #expect(try run.verdict(.deadlines).passes)
  }

  @Test func aFaultThatNeverBitOrThatNothingSurrounds() throws {
    var run = try SyntheticRun(.eda)
    let start = SyntheticRun.start.microseconds
    var fault = FaultRecord(
      name: "redis stopped", target: .redis, isOutage: true,
      from: Timestamp(microseconds: start + 2_000_500), to: Timestamp(microseconds: start + 2_001_500),
      bites: 3)
    run.evidence.faults = [fault]
    #expect(try run.verdict(.notVacuous).word == "ok")
    fault.bites = 0
    run.evidence.faults = [fault]
    try expectViolated(run, .notVacuous)
    fault.bites = 1
    fault.to = Timestamp(microseconds: start + 4_000_000)
    run.evidence.faults = [fault]
    #expect(try run.verdict(.notVacuous).word == "VACUOUS")
    fault.to = Timestamp(microseconds: start + 2_001_500)
    run.evidence.faults = [fault]
    run.evidence.planned = 0
    #expect(try run.verdict(.notVacuous).word == "VACUOUS")
  }

  @Test(arguments: Architecture.allCases)
  func soldOutBeforeTheLastWinner(architecture: Architecture) throws {
    var run = try SyntheticRun(architecture)
    run.mapRequests { request, coupon in
      guard request.person == 8 else { return (request, coupon) }
      return (SyntheticRun.request(8, .soldOut, at: 1_500_003), nil)
    }
    try expectViolated(run, .soldOutIsTrue)
  }

  @Test func aRunInWhichNobodyWonProvesNothing() throws {
    var run = try SyntheticRun(.eda)
    let policy = run.evidence.policy
    run.evidence.database.coupons = []
    run.evidence.database.events = Array(run.evidence.database.events.prefix(1))
    (run.evidence.database.deadLetters, run.evidence.database.applied, run.issued) = ([], [:], 0)
    run.evidence.log = LogEvidence(messages: [], committed: [:], policy: policy)
    run.mapRequests { request, _ in
      (SyntheticRun.request(Int(request.person), .timeout, at: 3_000_000), nil)
    }
    let verification = Verification(checking: run.evidence)
    #expect(!verification.passed)
    #expect(!verification.findings.contains { $0.word == "VIOLATED" })
    #expect(verification.findings.count { $0.word == "VACUOUS" } >= 3)
  }

  @Test func theFourthLedgerIsComparedButProvesNothing() throws {
    var run = try SyntheticRun(.eda)
    run.evidence.gate = GateEvidence(members: [
      run.evidence.policy.startsOn: ["p0", "p1", "p2", "p3", "ghost"]
    ])
    let verification = Verification(checking: run.evidence)
    #expect(verification.passed)
    #expect(verification.gate?.members == 5)
    #expect(verification.gate?.winnersMissing == 1)
    #expect(verification.gate?.membersWithoutCoupon == 1)
  }
}

extension RequestRecord {
  fileprivate func sent(at time: UInt32) -> RequestRecord {
    var changed = self
    (changed.due, changed.sent) = (time, time)
    return changed
  }
}
