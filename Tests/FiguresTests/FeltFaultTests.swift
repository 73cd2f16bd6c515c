import Verify
import CouponDomain
import Figures
import Foundation
import History
import LabTestSupport
import TestSupport
import Testing
import Text

@Suite(.limited) struct MetricTests {
  @Test func everyMetricIsDocumented() throws {
    let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(
      path: "../../docs/scenarios.md")
    let text = try String(contentsOf: page, encoding: .utf8)
    for section in Metric.sections { #expect(text.contains(section.markdown), "\(section.title)") }
  }
}

@Suite(.limited) struct FeltFaultTests {
  private func history(_ requests: [(due: Int, took: Int, outcome: Outcome)]) throws -> History {
    var history = try SyntheticRun(.eda).evidence.histories[0]
    history = History(run: history.run)
    for (person, request) in requests.enumerated() {
      let (due, answered) = (UInt32(request.due * 1_000), UInt32((request.due + request.took) * 1_000))
      let coupon = SeenCoupon(
        couponID: CouponID(high: 0, low: UInt64(person)), rank: person, day: Day(number: 1),
        issuedAt: SyntheticRun.start)
      history.append(
        RequestRecord(
          call: .coupon, outcome: request.outcome, attempt: 1, person: UInt32(person), due: due, sent: due,
          answered: answered), coupon: request.outcome.isOK ? coupon : nil)
    }
    return history
  }

  private func felt(_ histories: [History]) -> FeltFault {
    func moment(_ ms: Int64) -> Timestamp {
      Timestamp(microseconds: SyntheticRun.start.microseconds + ms * 1_000)
    }
    return FeltFault(histories, from: moment(2_000), to: moment(3_000))
  }

  @Test func whatFailedOrWasSlowMeanwhileIsFelt() throws {
    let before = [(1_100, 40, Outcome.created), (1_200, 50, .created), (1_300, 400, .created)]
    let unfelt: [(Int, Int, Outcome)] = [
      (2_100, 140, .created), (2_200, 90, .soldOut), (3_000, 900, .timeout),
    ]
    #expect(felt([try history(before + unfelt)]).requests == 0)
    let bad: [(Int, Int, Outcome)] = [
      (2_000, 5, .unavailable), (2_500, 160, .created), (2_999, 9_000, .timeout),
    ]
    #expect(felt([try history(before + unfelt + bad)]).requests == 3)
    #expect(felt([]).requests == 0)
  }

  @Test func aWaitBeginsWithTheFirstAskingAndEndsWithTheCoupon() throws {
    func moment(_ ms: Int64) -> Timestamp {
      Timestamp(microseconds: SyntheticRun.start.microseconds + ms * 1_000)
    }
    var seen = try history([
      (1_000, 10, .created), (2_000, 5, .unavailable), (2_100, 20, .created), (2_900, 5, .soldOut),
    ])
    // The second person asks again, when it is over.
    let coupon = SeenCoupon(
      couponID: CouponID(high: 0, low: 9), rank: 9, day: Day(number: 1), issuedAt: SyntheticRun.start)
    seen.append(
      RequestRecord(
        call: .coupon, outcome: .created, attempt: 2, person: 1, due: 3_000_000, sent: 3_000_000,
        answered: 3_500_000), coupon: coupon)
    let during = CouponWaits([seen], from: moment(2_000), to: moment(3_000))
    #expect(during.people == 2 && during.unanswered == 1)
    // Of two people no percentile is known.
    #expect(during.p50Ms == nil && during.longestMs == 1_500)
    #expect(during.pauseSeconds == 0.88)
    let after = CouponWaits([seen], from: moment(3_000), to: moment(4_000))
    #expect(after.people == 0 && after.p99Ms == nil && after.unanswered == 0)
    #expect(after.pauseSeconds == 0.5)
  }

  @Test func aHiccupIsNotAFault() throws {
    let before = [(1_100, 40, Outcome.created)]
    let hiccups = [(2_000, 5, Outcome.unavailable), (2_500, 160, .created)]
    #expect(felt([try history(before + hiccups)]).requests == 0)
    let third = [(2_600, 160, Outcome.created)]
    #expect(felt([try history(before + hiccups + third)]).requests == 3)
    // Three of four hundred are fewer than one in a hundred.
    let others = (0..<397).map { (2_000 + $0, 40, Outcome.created) }
    #expect(felt([try history(before + hiccups + third + others)]).requests == 0)
    #expect(felt([try history(before + hiccups + third + others.prefix(297))]).requests == 3)
  }

  @Test func aWorkerThatIsGoneIsFeltByTheLag() throws {
    let seen = try history([(1_500, 100, .created), (2_100, 10, .created), (2_200, 10, .created)])
    let opening = Timestamp(microseconds: SyntheticRun.start.microseconds + 1_000_000)
    func lag(_ points: [(Double, Int)]) -> Int {
      felt([seen]).growthOfLag(points.map { CountPoint(seconds: $0, count: $1) }, opening: opening)
    }
    #expect(lag([(0, 0), (0.9, 1), (2.5, 3)]) == 2)
    #expect(lag([(0, 0), (0.9, 1), (1.5, 3)]) == 0)
  }
}
