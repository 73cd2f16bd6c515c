import Scenarios
import Figures
import Experiments
import Faults
import Reports
import TestSupport
import Testing

@Suite(.limited) struct MatrixTests {
  private struct Fault {
    var name: String
    var target = "database"
    var architecture: String
    var metrics: [String: Double]
    var unrecovered: [String: Double] = [:]
  }

  private func result(_ name: String, rounds: Int = 1, _ faults: [Fault]) -> ExperimentResult {
    func run(_ architecture: String, _ round: Int) -> ExperimentResult.Trial {
      let figures = faults.filter { $0.architecture == architecture }.map {
        FaultFigures(
          window: FaultWindow(name: $0.name, from: 1, to: 2), target: $0.target, bites: 1,
          metrics: $0.metrics,
          unrecovered: $0.unrecovered)
      }
      return ExperimentResult.Trial(
        round: round, variant: architecture, metrics: [:], faults: figures, findings: [], usage: [],
        verified: true)
    }
    let variants = Matrix.architectures.map {
      ExperimentResult.VariantFacts(
        name: $0, architecture: $0, strategy: "s", people: 1, quota: 1, policies: 1, ratePerSecond: 1,
        concurrent: nil, programSettings: [:], excused: [])
    }
    return ExperimentResult(
      name: name, question: "?", createdAt: "2026-01-01", commit: "c", seed: "1", isQuick: false,
      rounds: rounds, machine: Machine(processor: "p", cores: 2, memoryBytes: 1, system: "s", swift: "6"),
      versions: [:], variants: variants,
      runs: (1...rounds).flatMap { round in Matrix.architectures.map { run($0, round) } }, medians: [:],
      shown: [], judgements: [])
  }

  private func figures(_ good: Double, recover: Double? = 0, slow: Double = 1) -> [String: Double] {
    var metrics: [String: Double] = [:]
    for use in Matrix.uses {
      metrics["\(use.group).count@during"] = 5
      metrics["\(use.group).good@during"] = good
      metrics["\(use.group).recover_s"] = recover
      metrics["\(use.group).p50_ms@before"] = 2
      metrics["\(use.group).p50_ms@during"] = good > 0 ? 2 * slow : nil
    }
    return metrics
  }

  private var unrecovered: [String: Double] {
    Dictionary(uniqueKeysWithValues: Matrix.uses.map { ($0.group, 3.5) })
  }

  private func both(
    _ name: String = "x", monolith: [String: Double], eda: [String: Double], edaFails: Bool = false,
    monolithFails: Bool = false
  ) -> Matrix {
    Matrix([
      result(
        "matrix",
        [
          Fault(
            name: name, architecture: "monolith", metrics: monolith,
            unrecovered: monolithFails ? unrecovered : [:]),
          Fault(name: name, architecture: "eda", metrics: eda, unrecovered: edaFails ? unrecovered : [:]),
        ])
    ])
  }

  @Test func rowsAreFaultsAndCellsAreColoured() throws {
    let first = result(
      "matrix",
      [
        Fault(name: "database outage", architecture: "monolith", metrics: figures(0.01, recover: 1.25)),
        Fault(name: "database outage", architecture: "eda", metrics: figures(1)),
        Fault(name: "redis outage", target: "redis", architecture: "eda", metrics: figures(0.6)),
        Fault(name: "slow", target: "redis", architecture: "eda", metrics: figures(1, slow: 200)),
      ])
    let second = result(
      "04",
      [
        Fault(name: "database outage", architecture: "eda", metrics: figures(0)),
        Fault(name: "other", architecture: "eda", metrics: ["coupons.good@during": 1]),
      ])
    let matrix = Matrix([first, second])
    #expect(matrix.rows.map(\.fault) == ["database outage", "redis outage", "slow"])
    #expect(matrix.sources == ["matrix"])
    #expect(matrix.gaps.isEmpty)
    #expect(matrix.rows[0].cells["monolith"]?["stays"]?.state == .most)
    #expect(matrix.rows[0].cells["eda"]?["stays"]?.state == .unharmed)
    #expect(matrix.rows[1].entry("monolith", "stays") == .unaffected)
    #expect(matrix.rows[1].cells["eda"]?["coupons"]?.state == .some)
    #expect(matrix.rows[2].cells["eda"]?["coupons"]?.state == .slow)
    let page = MatrixPage(matrix, [first, second]).markdown
    #expect(page.contains("| database outage | ✕ 1 % of 5, +1.3 s |"))
    #expect(page.contains("- **Redis outage**, get a coupon: 60 % good (monolith: has no such part)"))
    #expect(page.contains("- **slow**, book a stay: slow, median 400 ms (monolith: has no such part)"))
    #expect(page.contains("04/result.json") == false && page.contains(": 1 round, seed"))
    let svg = MatrixDrawing(matrix).svg
    #expect(svg.hasPrefix("<svg xmlns=") && svg.contains("class=\"bad\""))
    #expect(
      svg.contains("unaffected: the monolith has no Redis")
        && page.contains("| Redis outage | ○ unaffected |"))
  }

  @Test func whatDoesNotRecoverIsSaidSo() throws {
    let matrix = both(monolith: figures(1), eda: figures(1, recover: nil), edaFails: true)
    let cell = try #require(matrix.rows[0].cells["eda"]?["stays"])
    #expect(cell.recovery == .notWithin(3.5) && cell.state == .most)
    #expect(matrix.whereEdaIsWorse.map(\.use) == Matrix.uses.map(\.title))
    let page = MatrixPage(matrix, []).markdown
    #expect(page.contains("| x | ✕ 100 % of 5, > 3.5 s |"))
    #expect(page.contains("read stays: not recovered within 3.5 s (monolith: recovered at once)"))
    #expect(
      MatrixPage(both(monolith: figures(1, recover: 0.02), eda: figures(1)), []).markdown.contains(
        "| x | ✓ 100 % of 5, +0.1 s |"))
    // Neither comes back: nobody is worse.
    #expect(
      both(
        monolith: figures(0, recover: nil), eda: figures(0, recover: nil), edaFails: true, monolithFails: true
      ).whereEdaIsWorse.isEmpty)
  }

  @Test func worseIsSlowOrLaterToo() {
    func reasons(_ monolith: [String: Double], _ eda: [String: Double]) -> [String] {
      both(monolith: monolith, eda: eda).whereEdaIsWorse.first?.reasons ?? []
    }
    #expect(reasons(figures(1), figures(1)).isEmpty)
    #expect(reasons(figures(1), figures(0.97)) == ["97 % good (monolith: 100 %)"])
    #expect(
      reasons(figures(0.9), figures(1, slow: 100)) == ["slow, median 200 ms (monolith: 2.00 ms, 90 % good)"])
    #expect(reasons(figures(1, slow: 90), figures(1, slow: 100)).isEmpty)
    // No good answer is not a fast one.
    #expect(reasons(figures(0), figures(1, slow: 100)).isEmpty)
    #expect(
      reasons(figures(1, recover: 0.5), figures(1, recover: 1.6))
        == ["recovered after 1.6 s (monolith: recovered after 0.5 s)"])
    #expect(reasons(figures(1, recover: 0.5), figures(1, recover: 1.4)).isEmpty)
  }

  @Test func aCellThatWasNotMeasuredIsAGap() {
    var metrics = figures(1)
    metrics["booking.good@during"] = nil
    let matrix = both(monolith: figures(1), eda: metrics)
    #expect(matrix.gaps == ["x, eda: book a stay"])
    #expect(MatrixPage(matrix, []).markdown.contains("? not measured |"))
    #expect(MatrixDrawing(matrix).svg.contains("not measured"))
    // It has a database, and yet nobody looked at it while that was broken.
    metrics["mine.count@during"] = nil
    let none = Matrix([result("m", [Fault(name: "x", architecture: "eda", metrics: figures(1))])])
    #expect(none.gaps == Matrix.uses.map { "x, monolith: \($0.title)" })
  }

  @Test func aRoundThatIsMissingIsAGap() {
    var two = result(
      "matrix", rounds: 2, [Fault(name: "x", target: "redis", architecture: "eda", metrics: figures(1))])
    #expect(Matrix([two]).gaps.isEmpty)
    two.runs.removeAll { $0.round == 2 && $0.variant == "eda" }
    #expect(Matrix([two]).gaps.count == Matrix.uses.count)
  }

  @Test func aMedianOfARecoveryThatNeverCameIsNone() throws {
    var two = result(
      "matrix", rounds: 2, [Fault(name: "x", target: "redis", architecture: "eda", metrics: figures(1))])
    let last = try #require(two.runs.lastIndex { $0.variant == "eda" })
    two.runs[last].faults[0].metrics = figures(1, recover: nil)
    two.runs[last].faults[0].unrecovered = unrecovered
    #expect(Matrix([two]).rows[0].cells["eda"]?["mine"]?.recovery == .notWithin(3.5))
  }

  /// A median of too few answers has no value, and then nobody knows whether the answers were slow.
  @Test func whatIsNotKnownIsNotWell() throws {
    var metrics = figures(1)
    for use in Matrix.uses { metrics["\(use.group).p50_ms@during"] = nil }
    let matrix = both(monolith: figures(1), eda: metrics)
    #expect(matrix.rows[0].cells["eda"]?["stays"]?.state == .unclear)
    #expect(MatrixPage(matrix, []).markdown.contains("| x | ~ 100 % of 5 |"))
    // Between two faults too few asked; before the first one enough did.
    for use in Matrix.uses { metrics["\(use.group).p50_ms@before"] = nil }
    for use in Matrix.uses { metrics["\(use.group).p50_ms@during"] = 200 }
    var quiet = result("matrix", [Fault(name: "x", target: "redis", architecture: "eda", metrics: metrics)])
    #expect(Matrix([quiet]).rows[0].cells["eda"]?["stays"]?.state == .unclear)
    for index in quiet.runs.indices { quiet.runs[index].metrics["stays.p50_ms@before"] = 2 }
    #expect(Matrix([quiet]).rows[0].cells["eda"]?["stays"]?.state == .slow)
  }

  @Test func theCaptionSaysWhatTheSharesDependOn() {
    var result = result(
      "matrix", rounds: 3, [Fault(name: "x", architecture: "monolith", metrics: figures(1))])
    result.variants[0].programSettings = ["monolith": ["REQUEST_DEADLINE_MS": "400"]]
    let words = MatrixPage(Matrix([result]), []).markdown.replacing("\n", with: " ")
    #expect(words.contains("One thing is broken at a time, for 1 s,"))
    #expect(words.contains("the median of 3 rounds; n = 15 requests a cell in all of them."))
    #expect(words.contains("give up a request after 0.4 s, its deadline"))
    #expect(words.contains("makes up to 40 % of such a cell good"))
  }

  @Test func onlyVerifiedResultsOfWholeRunsAreDrawn() throws {
    let fault = Fault(name: "x", architecture: "eda", metrics: figures(1))
    var result = result("matrix", [fault])
    let expectation = try Expectation("eda.lost == 0", variants: ["eda"])
    var measured = Measured()
    measured.add(round: ["eda": ["lost": 0]])
    result.judgements = [Judgement(expectation, measured)]
    #expect(Matrix.objection(to: result) == nil)
    var other = result
    other.isQuick = true
    #expect(Matrix.objection(to: other)?.contains("--quick") ?? false)
    other = result
    other.runs[1].verified = false
    #expect(Matrix.objection(to: other)?.contains("not verified: eda, round 1") ?? false)
    other = result
    other.judgements[0].verdict = .fails
    #expect(Matrix.objection(to: other)?.contains("not everything holds") ?? false)
    // What has nothing for the matrix may be what it is.
    other.runs[1].faults = []
    #expect(Matrix.objection(to: other) == nil)
  }
}
