import Scenarios
import Figures
import Experiments
import Foundation
import History
import LabTestSupport
import Reports
import TestSupport
import Testing
import Verify

/// What a page shows of a run in which something failed.
@Suite(.limited) struct PageTests {
  /// Stays every tenth of a second for six seconds, all of which fail fast from 2 to 4.
  private func history() throws -> History {
    let run = try unwrap(SyntheticRun(.eda).evidence.histories.first).run
    var history = History(run: run)
    for visit in 0..<60 {
      let due = UInt32(visit * 100_000 + SyntheticRun.opening)
      let isBroken = 20..<40 ~= visit
      history.append(
        RequestRecord(
          call: .stays, outcome: isBroken ? .unavailable : .existing, attempt: 1, person: 0, due: due,
          sent: due,
          answered: due + (isBroken ? 200 : 5_000)))
    }
    return history
  }

  private func charted(_ name: String, _ architecture: Architecture) throws -> ChartedTrial {
    var history = try history()
    history.run.architecture = architecture
    return ChartedTrial(name: name, figures: TrialFigures(TrialRecord(crowd: [history], quota: 1)))
  }

  private func result(_ rounds: [[String: Double]]) -> ExperimentResult {
    var measured = Measured()
    for round in rounds { measured.add(round: ["eda": round]) }
    return ExperimentResult(
      name: "n", question: "?", createdAt: "2026-01-01", commit: "c", seed: "1", isQuick: false,
      rounds: rounds.count,
      machine: Machine(processor: "p", cores: 2, memoryBytes: 1, system: "s", swift: "6"),
      versions: [:],
      variants: [
        ExperimentResult.VariantFacts(
          name: "eda", architecture: "eda", strategy: "log", people: 1, quota: 1, policies: 1,
          ratePerSecond: 1,
          concurrent: nil, programSettings: [:], excused: [])
      ], runs: [], medians: measured.spreads, shown: ["coupons.p99_ms", "durable_s"], judgements: [])
  }

  /// One round, of which the series are kept.
  private func result(_ trials: [ChartedTrial]) -> ExperimentResult {
    var result = result([[String: Double]]())
    result.variants = trials.map {
      ExperimentResult.VariantFacts(
        name: $0.name, architecture: $0.figures.architecture, strategy: "s", people: 1, quota: 1, policies: 1,
        ratePerSecond: 1, concurrent: nil, programSettings: [:], excused: [])
    }
    result.firstRound = trials.reduce(into: [:]) { $0[$1.name] = $1.figures.series }
    return result
  }

  @Test func anOutageIsAGapAndAStrip() throws {
    let trial = try charted("eda", .eda)
    let series = try unwrap(trial.figures.series)
    let broken = series.due.indices.filter { 2 < series.middle(of: $0) && series.middle(of: $0) < 4 }
    #expect(broken.contains { series.bystanderFailed[$0] == 1 })
    #expect(broken.allSatisfy { series.bystanderMaxMs[$0] == nil })
    #expect(series.bystanderMaxMs.compactMap { $0 }.allSatisfy { abs($0 - 5) < 0.1 })
    let charts = ExperimentFiles.pictures(result([trial]))
    let svg = try unwrap(charts.first { $0.name == "bystander.svg" }).svg
    #expect(svg.contains(#"fill-opacity="1"#) && svg.contains("<title>eda: 100"))
    #expect(svg.contains("share of stays and bookings that failed"))
  }

  @Test func everyVariantHasALineOfItsOwn() throws {
    let series = try [
      charted("monolith", .monolith), charted("eda", .eda), charted("killed", .eda),
      charted("emptied", .eda),
    ]
    let charts = ExperimentFiles.pictures(result(series))
    for name in ["coupons.svg", "bystander.svg"] {
      let svg = try unwrap(charts.first { $0.name == name }).svg
      for style in ["monolith", "eda", "eda dashed", "eda dotted"] {
        #expect(svg.contains("<path class=\"\(style)\""), "\(name): \(style)")
      }
    }
  }

  @Test func aGeneratorThatWasTheBottleneckIsNamed() {
    let words = "**The load generator was the bottleneck** of eda (33.5 %)"
    for (shares, isNamed) in [([0.335, 0.002, 0.4], true), ([0.01, 0.3, 0.0], false)] {
      let page = ExperimentPage(result: result(shares.map { ["lateness.share": $0] })).markdown
      #expect(page.contains(words) == isNamed)
    }
  }

  @Test(arguments: [("", "../.."), ("/kafka", "../../..")])
  func aResultOnAnInstalledKafkaLinksToTheSameDocuments(folder: String, root: String) throws {
    let place = FileManager.default.temporaryDirectory.appending(path: "pages-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: place) }
    let page = try ExperimentFiles(folder: place.path + folder).write(result([["durable_s": 1]]), [])
    #expect(try String(contentsOfFile: page, encoding: .utf8).contains("](\(root)/docs/invariants.md)"))
  }

  @Test func aMedianOfFewerRoundsSaysSo() {
    let result = result([
      ["coupons.p99_ms": 109, "durable_s": 1], ["durable_s": 2], ["coupons.p99_ms": 111, "durable_s": 3],
    ])
    let page = ExperimentPage(result: result).markdown
    #expect(page.contains("| `coupons.p99_ms` | 110 ms (109 ms…111 ms; 2 of 3 rounds) |"))
    #expect(page.contains("| `durable_s` | 2.00 s (1.00 s…3.00 s) |"))
    let bars = ExperimentFiles.pictures(result).map(\.svg).joined()
    #expect(bars.contains("110 ms (2 of 3 rounds)"))
  }
}
