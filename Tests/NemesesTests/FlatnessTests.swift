import Nemeses
import TestSupport
import Testing

@Suite(.limited) struct FlatnessTests {
  private func flatness(_ values: [Double], grain: Double = 0, keep: Double = 0, rows: [Int] = []) throws
    -> Flatness
  {
    try #require(Flatness("eda-api", "memory", values, grain: grain, keep: keep, rows: rows))
  }

  @Test func noiseAndPeaksAreFlat() throws {
    var values = (0..<400).map { 100 + Double($0 * 7919 % 5) }
    for index in stride(from: 0, to: 400, by: 37) { values[index] = 1_000 }
    #expect(try flatness(values).isFlat)
  }

  @Test func aSlowLeakIsFoundThroughNoise() throws {
    let leak = (0..<400).map { (index: Int) -> Double in
      let noise = Double(index * 7919 % 5)
      return 100 + Double(index) * 0.03 + noise
    }
    let found = try flatness(leak)
    #expect(!found.isFlat)
    #expect(abs(found.to - found.from - 0.03 * 280) < 1)
    // Four of a hundred are within the rule.
    #expect(try flatness((0..<400).map { 100 + Double($0) * 0.01 }).isFlat)
  }

  @Test func theWarmUpCountsForNothing() throws {
    let values = (0..<400).map { $0 < 80 ? Double($0) : 80 }
    #expect(try flatness(values).isFlat)
  }

  @Test func whatWasAskedToBeKeptIsNoLeak() throws {
    let (values, rows) = ((0..<400).map { 100 + Double($0) }, Array(0..<400))
    #expect(try !flatness(values).isFlat)
    #expect(try flatness(values, keep: 1, rows: rows).isFlat)
    #expect(try !flatness(values, keep: 0.5, rows: rows).isFlat)
    #expect(try flatness(values, grain: 400).isFlat)
  }

  @Test func ofTooFewSamplesNothingIsSaid() {
    #expect(Flatness("x", "memory", [1, 2, 3, 4, 5, 6, 7, 8], grain: 0) == nil)
    #expect(Flatness.judge([]).isEmpty)
  }
}
