import Scenarios
import Figures
import CouponDomain
import History
import LabTestSupport
import TestSupport
import Testing
import Text
import Verify

/// What is worked out of a run's requests, over runs that never were.
@Suite(.limited) struct MeasureTests {
  /// A request that was due so many seconds after the opening.
  private struct Seen {
    var call = Call.coupon
    var due: Double
    var took = 0.01
    var outcome = Outcome.created
  }

  private func history(_ requests: [Seen]) throws -> History {
    let run = try unwrap(SyntheticRun(.eda).evidence.histories.first).run
    var history = History(run: run)
    for (person, request) in requests.enumerated() {
      let due = UInt32((request.due * 1_000_000).rounded()) + UInt32(SyntheticRun.opening)
      let answered = due + UInt32((request.took * 1_000_000).rounded())
      history.append(
        RequestRecord(
          call: request.call, outcome: request.outcome, attempt: 1, person: UInt32(person), due: due,
          sent: due,
          answered: answered))
    }
    return history
  }

  private let fault = FaultWindow(name: "fault", from: 2, to: 4)

  private func figures(_ requests: [Seen], to end: Double = .infinity) throws -> WindowFigures {
    WindowFigures([try history(requests)], fault: fault, to: end)
  }

  @Test func aRequestBelongsToTheWindowInWhichItWasDue() throws {
    let values = try figures([
      Seen(due: 1), Seen(due: 1.9, took: 0.5, outcome: .timeout), Seen(due: 3, outcome: .unavailable),
      Seen(due: 3.9, took: 1), Seen(due: 4), Seen(due: 5),
    ]).values
    #expect(values["coupons.count@before"] == 1)
    #expect(values["coupons.count@during"] == 3)
    #expect(values["coupons.failed_count@during"] == 2)
    #expect(values["coupons.count@after"] == 2)
    #expect(values["coupons.recover_s"] == 0)
  }

  @Test func latenciesAreOfGoodAnswers() throws {
    let refused = (0..<200).map { Seen(due: 2.1 + Double($0) / 1_000, took: 0.001, outcome: .unavailable) }
    let good = (0..<100).map { Seen(due: 2.4 + Double($0) / 1_000, took: 0.5) }
    let values = try figures(
      refused + good + [Seen(call: .stays, due: 2.4, took: 0.001, outcome: .unavailable)]
    ).values
    #expect(values["coupons.p50_ms@during"].map { abs($0 - 500) < 1 } ?? false)
    #expect(values["coupons.failed@during"].map { abs($0 - 2.0 / 3) < 0.001 } ?? false)
    #expect(values["stays.failed@during"] == 1)
    for name in ["p50_ms", "p99_ms", "max_ms"] { #expect(values["stays.\(name)@during"] == nil) }
  }

  @Test func recoveryIsTheLastThatFailed() throws {
    let bad = [Seen(due: 4.5, outcome: .unavailable), Seen(due: 5.25, outcome: .timeout)]
    let recovered = try figures(bad + [Seen(due: 6)])
    #expect(recovered.values["coupons.recover_s"] == 1.25)
    #expect(recovered.unrecovered.isEmpty)
    #expect(try figures([Seen(due: 3)]).values["coupons.recover_s"] == nil)
  }

  @Test func whoFailsToTheLastHasNotRecovered() throws {
    let broken = try figures([
      Seen(due: 4.5, outcome: .unavailable), Seen(due: 7.5, outcome: .unavailable), Seen(due: 6),
      Seen(call: .stays, due: 5, outcome: .existing),
    ])
    #expect(broken.values["coupons.recover_s"] == nil)
    #expect(broken.values["bystander.recover_s"] == 0)
    #expect(broken.values["recover_s"] == nil)
    #expect(broken.unrecovered == ["coupons": 3.5])
    // Of two at the same moment the bad one counts, whichever was answered first.
    for both in [[Outcome.created, .timeout], [.timeout, .created]] {
      #expect(try figures(both.map { Seen(due: 5, outcome: $0) }).unrecovered == ["coupons": 1])
    }
  }

  @Test func theNextFaultEndsTheAftermath() throws {
    let waiting = Seen(due: 5, took: 2, outcome: .timeout)
    // Due long before the next fault and failed after it had begun: that was this one.
    #expect(try figures([Seen(due: 4.5), waiting], to: 6).unrecovered == ["coupons": 1])
    let late = try figures([Seen(due: 4.5, outcome: .timeout), Seen(due: 5, took: 2)], to: 6)
    #expect(late.values["coupons.recover_s"] == 0.5 && late.unrecovered.isEmpty)
    // Under way when the next fault came: it has felt that one.
    let hit = Seen(due: 5.99, took: 0.5, outcome: .timeout)
    #expect(try figures([Seen(due: 4.5), hit], to: 6).values["coupons.recover_s"] == 0)
    #expect(try figures([Seen(due: 6, outcome: .timeout)], to: 6).values["coupons.count"] == nil)
  }

  @Test func twoFaultsHaveFiguresOfTheirOwn() throws {
    let opening = Timestamp(microseconds: SyntheticRun.start.microseconds + Int64(SyntheticRun.opening))
    func moment(_ seconds: Double) -> Timestamp {
      Timestamp(microseconds: opening.microseconds + Int64(seconds * 1_000_000))
    }
    func record(_ name: String, _ target: FaultRecord.Target, _ from: Double, _ to: Double) -> FaultRecord {
      FaultRecord(name: name, target: target, isOutage: true, from: moment(from), to: moment(to), bites: 1)
    }
    // The second was asked for half a second before it was there for certain.
    let happened = FaultOutcome(
      records: [record("second", .kafka, 8, 9), record("first", .redis, 2, 4)],
      begun: [moment(2), moment(7.5)], opening: opening)
    let figures = happened.figures([
      try history([
        Seen(due: 1), Seen(due: 3, outcome: .unavailable), Seen(due: 5, outcome: .unavailable),
        Seen(due: 7, took: 1.5, outcome: .timeout), Seen(due: 7.7, outcome: .unavailable),
        Seen(due: 8.5, outcome: .unavailable), Seen(due: 9.5), Seen(due: 10),
      ])
    ])
    #expect(figures.map(\.window.name) == ["first", "second"])
    #expect(figures.map(\.target) == ["redis", "kafka"])
    #expect(figures[0].unrecovered == ["coupons": 3])
    #expect(figures[0].metrics["coupons.count@after"] == 2)
    #expect(figures[1].unrecovered.isEmpty && figures[1].metrics["coupons.recover_s"] == 0)
    #expect(figures[1].metrics["coupons.good@during"] == 0)
    #expect(happened.whole == FaultWindow(name: "fault", from: 2, to: 9))
  }

  @Test func whatIsMissingIsOfOneDay() throws {
    var run = try SyntheticRun(.eda)
    func missing() -> Double? {
      var record = TrialRecord(crowd: run.evidence.histories, quota: SyntheticRun.quota)
      (record.evidence, record.verifications) = ([run.evidence], [Verification(checking: run.evidence)])
      return TrialFigures(record).metrics["missing"]
    }
    #expect(missing() == 0)
    run.evidence.database.coupons.removeLast(2)
    #expect(missing() == 2)
    // Nothing recorded, and nothing in anybody's hands: the whole quota is missing.
    run.evidence.database.coupons = []
    #expect(missing() == 5)
    // Of two days nobody knows how many each should have had.
    var second = try SyntheticRun(.eda)
    let day = try unwrap(second.evidence.database.coupons.last)
    let claim = day.coupon.claim
    let tomorrow = CouponClaim(
      eventID: claim.eventID, couponID: claim.couponID, policyID: claim.policyID, userID: claim.userID,
      day: claim.day.advanced(by: 1), issuedAt: claim.issuedAt)
    second.evidence.database.coupons[4].coupon = Coupon(claim: tomorrow, rank: 1)
    run = second
    #expect(missing() == nil)
  }

  @Test func aMedianSaysOfHowManyRoundsItIs() throws {
    var measured = Measured()
    for value in [1.0, nil, 3] {
      measured.add(round: ["a": value.map { ["durable_s": $0] } ?? ["rows": 1]])
    }
    #expect(measured.spreads["a"]?["durable_s"]?.count == 2)
  }
}
