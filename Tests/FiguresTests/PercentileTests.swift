import Figures
import History
import LabTestSupport
import Scenarios
import TestSupport
import Testing

/// A percentile of few answers is one of them, and not shown.
@Suite(.limited) struct PercentileTests {
  private func histogram(_ count: Int64) -> LatencyHistogram {
    var histogram = LatencyHistogram()
    histogram.record(microseconds: 5_000, times: count)
    return histogram
  }

  @Test func fewerThanAHundredAnswersHaveNone() {
    let few = LatencyFigures(histogram(99))
    #expect(few.count == 99 && few.p50Ms == nil && few.p99Ms == nil && few.p999Ms == nil)
    #expect(few.maxMs == 5)
    let enough = LatencyFigures(histogram(100))
    #expect(enough.p50Ms == 5 && enough.p99Ms == 5)
    // One in a thousand needs a thousand.
    #expect(enough.p999Ms == nil)
    #expect(LatencyFigures(histogram(999)).p999Ms == nil && LatencyFigures(histogram(1_000)).p999Ms == 5)
    #expect(LatencyFigures(histogram(0)).maxMs == nil)
  }

  @Test func thatHoldsOfEveryWayToThem() {
    for (count, isKnown) in [(Int64(99), false), (100, true)] {
      var tally = AnswerTally()
      for person in 0..<UInt32(count) {
        tally.add(
          RequestRecord(
            call: .stays, outcome: .existing, attempt: 1, person: person, due: 0, sent: 0, answered: 5_000))
      }
      // Bad answers do not make up for good ones.
      for person in 0..<UInt32(50) {
        tally.add(
          RequestRecord(
            call: .stays, outcome: .unavailable, attempt: 1, person: person, due: 0, sent: 0, answered: 1))
      }
      for measure in Metric.measures where measure.name.hasPrefix("p") {
        #expect((measure.value(tally) != nil) == isKnown, "\(measure.name) of \(count)")
      }
      #expect(tally.meanMs == 5 && tally.milliseconds(1) == 5)
      var record = GeneratorRecord()
      record.lateness = histogram(count)
      #expect((GeneratorFigures(record, cpuSeconds: nil).latenessP99Ms != nil) == isKnown)
    }
  }

  /// What is not known does not hold.
  @Test func anExpectationOfOneIsNotEvaluated() throws {
    for text in ["eda.coupons.p99_ms < 500", "eda.coupons.p99_ms >= 0", "eda.coupons.p99_ms != 1"] {
      var measured = Measured()
      measured.add(round: ["eda": ["coupons.p99_ms": 15]])
      measured.add(round: ["eda": [:]])
      let judgement = Judgement(try Expectation(text, variants: ["eda"]), measured)
      #expect(judgement.verdict == .neverEvaluated && judgement.detail == "measured in 1 of 2 rounds")
    }
  }

  @Test func everyMetricHasATitleInWords() throws {
    let groups = Metric.groups.flatMap { group in Metric.measures.map { "\(group.name).\($0.name)" } }
    let names = groups + Metric.ofTrials.flatMap { $0.entries.map(\.name) }
    for name in names {
      let title = try unwrap(Metric(name)).title
      #expect(!title.contains("_") && !title.contains("#"), "\(title)")
      #expect(title != name && title.first?.isLowercase == false, "\(title)")
    }
    #expect(
      Metric(described: "coupons.failed@during")?.title == "Coupon requests that failed, during the fault")
    #expect(Metric(described: "rows@during") == nil && Metric(described: "rows@") == nil)
    #expect(Metric(described: "coupons.good@after")?.sharedCount?.description == "coupons.count@after")
    #expect(Metric("people.failed")?.sharedCount == nil && Metric("coupons.p50_ms")?.sharedCount == nil)
  }
}
