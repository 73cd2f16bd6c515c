import CouponDomain
import TestSupport
import Testing
import Text
import History
import LabTestSupport
import Verify

/// What the checker says with less than a history of ours: none at all, or a plain CSV of what people were told.
@Suite(.limited) struct PlainHistoryTests {
  /// Without a history: what rows and log show is checked, and what is not is named.
  @Test(arguments: Architecture.allCases)
  func whatNoHistoryCanShowIsNotSaidToBeChecked(architecture: Architecture) throws {
    var run = try SyntheticRun(architecture)
    (run.evidence.histories, run.evidence.clients) = ([], .none)
    let verification = Verification(checking: run.evidence)
    #expect(verification.passed)
    #expect(
      verification.unchecked
        == [
          .acknowledgedIsRecorded, .refusedIsNotRecorded, .deadlines, .notVacuous, .soldOutIsTrue,
          .createdOnce,
        ])
    #expect(verification.checkedInPart == [.recordedWasAsked, .healing, .openingHours, .soundEvidence])
    #expect(verification.tally.lost == 0 && verification.tally.missing == 0)
    // What can be seen is still seen: a lag, a row without its event, a row too many.
    run.evidence.settling = Settling(lag: 3, seconds: 60)
    try expectViolated(run, .healing)
    run.evidence.database.events.removeLast()
    try expectViolated(run, .recordedWasAsked)
    run.evidence.database.days = [:]
    try expectViolated(run, .counters)
  }

  /// With one that has no times: what people were told is checked, but not when.
  @Test(arguments: Architecture.allCases)
  func aPlainHistoryIsComparedWithTheRows(architecture: Architecture) throws {
    let run = try SyntheticRun(architecture)
    let coupons = run.evidence.database.coupons.map { $0.coupon.claim }
    let winners = coupons.map { "\($0.userID),201,\($0.couponID)" }
    func verified(_ lines: [String]) throws -> (Verification, SyntheticRun) {
      var plain = run
      let history = try PlainHistory(Array((["person,status,couponId"] + lines).joined(separator: "\n").utf8))
      let subject = Evidence.Subject(
        architecture: architecture, policyID: run.evidence.policy.id, strategy: run.evidence.strategy)
      plain.evidence.histories = [history.history(of: subject, beside: run.evidence.database)]
      plain.evidence.clients = .untimed
      return (Verification(checking: plain.evidence), plain)
    }
    let losers = (6..<12).map { "p\($0),409," }
    let (good, _) = try verified(winners + ["p0,200,\(coupons[0].couponID)", "p5,503,", "p5,0,"] + losers)
    for finding in good.findings { #expect(finding.passes, "\(finding)") }
    #expect(
      good.unchecked == [.deadlines, .notVacuous, .soldOutIsTrue]
        && good.checkedInPart == [.recordedWasAsked, .openingHours, .soundEvidence])
    // A 201 without a coupon of theirs is no answer to count on: whether they have one is unknown.
    let (strange, told) = try verified(
      winners + ["p8,201,", "p9,200,"] + losers.filter { !$0.hasPrefix("p8") && !$0.hasPrefix("p9") })
    #expect(strange.passed)
    #expect(told.evidence.histories.flatMap(\.requests).count { $0.outcome == .strange } == 2)
    // A generator whose time is over leaves people without an answer: how full the day must be is open then.
    var open = run
    open.replacePolicy(try run.policy(quota: 9))
    open.evidence.histories = [
      try PlainHistory(
        Array((["person,status,couponId"] + winners + ["p5,503,", "p6,0,"]).joined(separator: "\n").utf8)
      )
      .history(
        of: .init(
          architecture: architecture, policyID: run.evidence.policy.id, strategy: run.evidence.strategy),
        beside: run.evidence.database)
    ]
    open.evidence.clients = .untimed
    #expect(
      Verification(checking: open.evidence).checkedInPart
        == [.recordedWasAsked, .healing, .openingHours, .soundEvidence])
    // Somebody holds a coupon that nobody has recorded; another's; was refused and has a row; never asked.
    let stranger = CouponID(high: 9, low: 9)
    let (lost, first) = try verified(winners + ["p8,201,\(stranger)"] + losers)
    try expectViolated(first, .acknowledgedIsRecorded)
    #expect(lost.tally.lost == 1)
    let (_, second) = try verified(winners.dropLast() + ["p4,201,\(coupons[0].couponID)"] + losers)
    try expectViolated(second, .acknowledgedIsRecorded)
    let (_, third) = try verified(winners.dropLast() + ["p4,409,"] + losers)
    try expectViolated(third, .refusedIsNotRecorded)
    let (_, fourth) = try verified(winners.dropLast() + losers)
    try expectViolated(fourth, .recordedWasAsked)
  }

  /// Nothing in a CSV says where it ends: a cut one is unreadable, or judged in part.
  @Test func aPlainHistoryThatIsCutIsNeverPlainlyVerified() throws {
    let run = try SyntheticRun(.eda)
    let winners = run.evidence.database.coupons.map { $0.coupon.claim }.map {
      "\($0.userID),201,\($0.couponID)"
    }
    let whole = Array((["person,status,couponId"] + winners + ["p8,409,", ""]).joined(separator: "\n").utf8)
    let subject = Evidence.Subject(
      architecture: .eda, policyID: run.evidence.policy.id, strategy: run.evidence.strategy)
    for length in 0...whole.count {
      guard let history = try? PlainHistory(Array(whole.prefix(length))) else { continue }
      var evidence = run.evidence
      (evidence.histories, evidence.clients) = (
        [history.history(of: subject, beside: evidence.database)], .untimed
      )
      #expect(
        Verification(checking: evidence).findings.contains {
          $0.invariant == .soundEvidence && $0.word != "ok"
        })
    }
  }

  @Test(arguments: [
    ("person,status\n", "line 1: "), ("person,status,couponId\np1,201", "line 2: not three fields"),
    ("person,status,couponId\r\np1,409,\r\np 1,409,\r\n", "line 3: “p 1” is no person's id"),
    ("person,status,couponId\np1,ok,", "line 2: “ok” is no HTTP status"),
    ("person,status,couponId\np1,99,", "line 2: “99” is no HTTP status"),
    ("person,status,couponId\np1,409,00000000000000020000000000000001", "line 2: a couponId is 32"),
    ("person,status,couponId\np1,201,xyz", "line 2: a couponId is 32"),
  ])
  func aPlainHistoryThatCannotBeReadIsRefusedByLine(text: String, problem: String) {
    let error = #expect(throws: HistoryFile.Unreadable.self) { try PlainHistory(Array(text.utf8)) }
    #expect(error?.description.hasPrefix(problem) == true, "\(error?.description ?? "")")
  }
}
