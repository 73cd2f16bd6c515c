import TestSupport
import Testing
import Load
import History

@Suite(.limited) struct HistogramTests {
  /// A sorted sample over six orders of magnitude.
  private static func sample(_ count: Int, seed: UInt64) -> [Int64] {
    var random = Randomness(seed: seed, stream: 0)
    return (0..<count).map { _ in Int64(random.exponential() * Double(1 << random.integer(below: 28))) }
      .sorted()
  }

  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func agreesWithExactQuantilesToThreeDigits(seed: UInt64) throws {
    let values = HistogramTests.sample(20_000, seed: seed)
    var histogram = LatencyHistogram()
    for value in values { histogram.record(microseconds: value) }
    for fraction in [0, 0.001, 0.1, 0.25, 0.5, 0.9, 0.99, 0.999, 0.9999, 1] {
      let rank = max(1, Int((fraction * Double(values.count)).rounded(.up)))
      let exact = values[rank - 1]
      let measured = try #require(histogram.quantile(fraction))
      #expect(measured >= exact)
      #expect(Double(measured - exact) <= Double(exact) / 1_000)
    }
    #expect(histogram.count == 20_000)
    #expect(histogram.minimum == values.first)
    #expect(histogram.maximum == values.last)
  }

  @Test func smallValuesAndBucketBordersAreExactOrNextToIt() {
    for value in [
      0, 1, 2, 1_023, 1_024, 2_047, 2_048, 2_049, 4_095, 4_096, 1 << 30, LatencyHistogram.largest,
    ] {
      var histogram = LatencyHistogram()
      histogram.record(microseconds: Int64(value))
      #expect(histogram.quantile(0.5) == Int64(value))
    }
  }

  @Test func mergedHistogramsAreTheHistogramOfAllValues() {
    let values = HistogramTests.sample(5_000, seed: 9)
    var whole = LatencyHistogram()
    var halves = [LatencyHistogram(), LatencyHistogram()]
    for (index, value) in values.enumerated() {
      whole.record(microseconds: value)
      halves[index < 1_000 ? 0 : 1].record(microseconds: value)
    }
    var merged = LatencyHistogram()
    merged.merge(halves[1])
    merged.merge(halves[0])
    merged.merge(LatencyHistogram())
    #expect(merged == whole)
  }

  @Test func nothingRecordedHasNoQuantile() {
    #expect(LatencyHistogram().quantile(0.5) == nil)
  }

  @Test func longerThanTheLargestIsCountedAsTheLargest() {
    var histogram = LatencyHistogram()
    histogram.record(microseconds: .max)
    histogram.record(microseconds: -5)
    #expect(histogram.maximum == LatencyHistogram.largest)
    #expect(histogram.minimum == 0)
  }

  @Test func countsAboveALimit() {
    var histogram = LatencyHistogram()
    histogram.record(microseconds: 100, times: 7)
    histogram.record(microseconds: 30_000, times: 2)
    histogram.record(microseconds: 1_000_000)
    #expect(histogram.countAbove(microseconds: 10_000) == 3)
    #expect(histogram.countAbove(microseconds: 99) == 10)
    #expect(histogram.countAbove(microseconds: 100) == 3)
    #expect(histogram.countAbove(microseconds: 2_000_000) == 0)
  }
}
