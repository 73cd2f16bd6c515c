import Figures
import CouponDomain
import Experiments
import Foundation
import History
import LabTestSupport
import Reports
import Scenarios
import Terminal
import TestSupport
import Testing
import Text
import Verify

@Suite(.limited) struct ReportTests {
  @Test func everybodyIsCountedOnce() throws {
    let run = try #require(SyntheticReport.report().columns.first?.runs.first)
    let people = run.people
    #expect(people.accepted + people.soldOut + people.failed + people.otherwiseRefused == 2_000)
    #expect(people.accepted == 100)
    #expect(people.otherwiseRefused > 0)
    #expect(run.requests.total == 2_000)
    #expect(run.requests.byOutcome.values.reduce(0, +) == 2_000)
    let series = try #require(run.series)
    #expect(series.due.reduce(0, +) == 2_000)
    #expect(series.settled.reduce(0, +) == 2_000)
    #expect(series.issued.last?.count == 100)
    let phases = [run.bystander.before, run.bystander.during, run.bystander.after]
    #expect(phases.allSatisfy { $0.latency.count > 0 && $0.failed == 0 })
  }

  @Test func aPersonsWaitCountsTheirRetriesButNotComingTooEarly() throws {
    let empty = try SyntheticReport.history(.eda, people: 0, quota: 1, slowness: 1, seed: 1)
    var history = History(run: empty.run)
    func request(_ person: UInt32, _ attempt: UInt8, _ outcome: Outcome, due: UInt32, took: UInt32) {
      let coupon = SeenCoupon(
        couponID: CouponID(high: 0, low: UInt64(person)), rank: 1, day: Day(number: 20_000),
        issuedAt: SyntheticRun.start)
      history.append(
        RequestRecord(
          call: .coupon, outcome: outcome, attempt: attempt, person: person, due: due, sent: due,
          answered: due + took),
        coupon: outcome.isOK ? coupon : nil)
    }
    request(1, 0, .notOpen, due: 4_000_000, took: 1_000)
    request(1, 1, .created, due: 5_100_000, took: 7_000)
    request(2, 1, .unavailable, due: 5_000_000, took: 100_000)
    request(2, 2, .soldOut, due: 6_000_000, took: 2_000)
    request(3, 1, .timeout, due: 5_000_000, took: 500_000)
    let figures = HistoryFigures(history, quota: 1)
    #expect(figures.waits.winners.maxMs == 7)
    #expect(figures.waits.soldOut.maxMs == 1_002)
    #expect(figures.people.retried == 1)
    #expect(figures.people.failed == 1)
    #expect(figures.requests.retries == 1)
    #expect(figures.requests.winners.count == 1)
    #expect(figures.requests.retried.count == 1)
    #expect(figures.requests.failed == 2)
    let soldOut = try #require(figures.soldOutSeconds)
    #expect(abs(soldOut - 0.107) < 1e-9)
    // Who hears only on a retry that they won holds their coupon from then on, and once.
    request(3, 2, .existing, due: 6_000_000, took: 1_000)
    request(3, 3, .existing, due: 7_000_000, took: 1_000)
    #expect(HistoryFigures(history, quota: 2).soldOutSeconds == 1.001)
    #expect(HistoryFigures(history, quota: 3).soldOutSeconds == nil)
  }

  @Test func jsonKeepsEverything() throws {
    let report = try SyntheticReport.report()
    let json = try JSONEncoder().encode(report)
    #expect(try JSONDecoder().decode(Report.self, from: json) == report)
    #expect(String(decoding: json, as: UTF8.self).contains("\"seed\":\"18446744073709551615\""))
  }

  @Test func thePageNeedsNoNetworkAndEscapes() throws {
    let report = try SyntheticReport.report()
    let page = ReportPage(report).html
    for forbidden in ["http:", "https:", "//cdn", "<script", "@import", "url(", "<fast>"] {
      #expect(!page.contains(forbidden), "\(forbidden)")
    }
    #expect(page.contains("a &lt;fast&gt; one"))
    #expect(page.contains("prefers-color-scheme: dark"))
    #expect(page.count { $0 == "<" } == page.count { $0 == ">" })
    #expect(page.components(separatedBy: "<svg").count == 5)
    #expect(page.components(separatedBy: "role=\"img\"").count == 5)
    #expect(!page.contains("nan") && !page.contains("inf"))
    if let path = ProcessInfo.processInfo.environment["TEST_REPORT_PAGE"] {
      try page.write(toFile: path, atomically: true, encoding: .utf8)
    }
  }

  @Test func theTableHasAColumnForEachVariant() throws {
    let report = try SyntheticReport.report()
    let lines = FigureTable(report).text.lines
    #expect(lines[0].split(separator: " ") == ["monolith", "eda"])
    #expect(lines.contains { $0.split(separator: " ") == ["oversold", "0", "0"] })
    #expect(lines.contains { $0.hasPrefix("  winners p99.9") })
    #expect(lines.allSatisfy { $0.count <= 80 })
    #expect(report.warnings.isEmpty)
    #expect(report.passed)
  }

  /// Rounds of 1, 2 and 4 times a latency.
  private func rounds(_ architecture: Architecture, _ slowness: Double) throws -> [TrialFigures] {
    try [1, 4, 2].map {
      try SyntheticReport.run(architecture, people: 2_000, quota: 100, slowness: slowness * $0)
    }
  }

  private func threeColumns(_ slowness: Double...) throws -> Report {
    try SyntheticReport.report(
      zip(["monolith", "monolith + cache", "eda"], slowness).map { title, slowness in
        let runs = try rounds(title == "eda" ? .eda : .monolith, slowness)
        return SyntheticReport.column(title, runs[0], runs[1], runs[2])
      })
  }

  @Test func roundsAreAMedianWithTheLeastAndTheGreatest() throws {
    let report = try threeColumns(1, 1, 1.5)
    #expect(report.rounds == 3 && report.besideScheduleSeconds == 6)
    let column = report.columns[0]
    let p99 = column.runs.compactMap(\.waits.winners.p99Ms)
    let spread = try #require(column.medians["winners.p99_ms"])
    #expect(spread.median == p99[2] && spread.min == p99[0] && spread.max == p99[1] && spread.count == 3)
    // A course over time is of the first round alone; every figure is of each.
    #expect(column.runs.map { $0.series != nil } == [true, false, false])
    let lines = FigureTable(report).text.lines
    #expect(lines.allSatisfy { $0.count <= 80 }, "\(lines.joined(separator: "\n"))")
    let row = try #require(lines.firstIndex { $0.hasPrefix("  winners p99 ") })
    let ends = [p99[0], p99[1]].map { Numbers.decimal($0, digits: spread.median < 99.95 ? 1 : 0) }
    #expect((lines[row] + lines[row + 1]).contains("(\(ends[0])…\(ends[1]))"), "\(lines[row])")
    // What does not differ has no range.
    #expect(lines.contains { $0.hasPrefix("  oversold") && !$0.contains("…") })
    let page = ReportPage(report).html
    #expect(page.contains("<small>\(ends[0])…\(ends[1])</small>"))
    #expect(page.contains("monolith + cache") && page.contains("first round"))
  }

  /// Long figures fold their ranges under the medians instead of leaving the terminal.
  @Test func aTableOfLongFiguresStaysWithinEightyColumns() throws {
    let titles = ["monolith", "monolith + cache", "eda"]
    let report = try SyntheticReport.report(
      titles.enumerated().map { index, title in
        var runs = try rounds(title == "eda" ? .eda : .monolith, 1)
        for round in runs.indices {
          runs[round].people.soldOut = 49_000 - round * 1_000
          runs[round].people.failed = 10_000 + round * 1_000
          runs[round].usage.append(
            UsageFigures(
              name: "broker (embedded)", cpuSeconds: 100.5 + Double(round), peakMemoryBytes: 2 << 30))
        }
        return SyntheticReport.column(title, runs[0], runs[1], runs[2])
      })
    let lines = FigureTable(report).text.lines
    #expect(lines.allSatisfy { $0.count <= 80 }, "\(lines.joined(separator: "\n"))")
    let row = try #require(lines.firstIndex { $0.hasPrefix("  sold-out ") })
    #expect(lines[row].components(separatedBy: "48,000").count == 4 && !lines[row].contains("…"))
    #expect(lines[row + 1].components(separatedBy: "(47,000…49,000)").count == 4)
  }

  @Test func aMachineThatWasNotQuietMarksTheFigures() throws {
    #expect(try threeColumns(1, 1, 1.9).unrest == nil)
    let report = try threeColumns(1, 1, 2.2)
    let unrest = try #require(report.unrest)
    #expect(unrest.least.column.hasPrefix("monolith") && unrest.greatest.column == "eda")
    #expect(report.warnings.count == 1 && report.passed)
    #expect(report.warnings[0].contains("not quiet") && report.warnings[0].contains("2.2 times as long"))
    let lines = FigureTable(report).text.lines
    for (row, isMarked) in [
      ("  winners p50", true), ("  p99 during", true), ("  CPU, all servers", true), ("  accepted", false),
      ("  memory, all servers", false), ("    failed", false),
    ] {
      let line = try #require(lines.first { $0.hasPrefix(row + " ") })
      #expect(line.contains("~") == isMarked, "\(line)")
    }
    #expect(lines.allSatisfy { $0.count <= 80 }, "\(lines.joined(separator: "\n"))")
    let page = ReportPage(report).html
    #expect(page.contains("class=\"warning\"") && page.contains("<dd>~"))
    let json = String(decoding: try JSONEncoder().encode(report), as: UTF8.self)
    #expect(json.contains("\"unrest\":{"))
  }

  @Test func nothingIsSaidOfAPercentileOfFewAnswers() throws {
    for (answers, isShown) in [(99, false), (100, true)] {
      let run = try SyntheticReport.run(.eda, people: 2_000, quota: answers, slowness: 1)
      let report = try SyntheticReport.report([SyntheticReport.column("eda", run)])
      #expect((report.columns[0].medians["winners.p99_ms"] != nil) == isShown)
      let line = try #require(FigureTable(report).text.lines.first { $0.hasPrefix("  winners p99 ") })
      #expect(line.hasSuffix("–") != isShown)
    }
  }

  @Test func aGeneratorThatIsTheBottleneckSaysSo() throws {
    var runs = try rounds(.eda, 1)
    var record = GeneratorRecord()
    record.lateness.record(microseconds: 500, times: 97)
    record.lateness.record(microseconds: 25_000, times: 3)
    for round in runs.indices { runs[round].generator = GeneratorFigures(record, cpuSeconds: nil) }
    let quiet = try SyntheticReport.run(.monolith, people: 2_000, quota: 100, slowness: 2)
    var report = try SyntheticReport.report([
      SyntheticReport.column("monolith", quiet, quiet, quiet),
      SyntheticReport.column("eda", runs[0], runs[1], runs[2]),
    ])
    #expect(report.warnings.count == 1)
    #expect(report.warnings[0].hasPrefix("eda: the load generator could not keep up in 3 of 3 rounds: 3.0 %"))
    #expect(FigureTable(report).text.lines.contains { $0.contains("3.0 % BOTTLENECK") })
    #expect(ReportPage(report).html.contains("class=\"warning\""))
    report.columns[0].runs[2].verified = false
    #expect(report.warnings.count == 2)
    #expect(report.warnings[1].hasPrefix("monolith: not verified in 1 of 3 rounds"))
    #expect(!report.passed)
  }

  /// Requests that are refused at once are not fast ones: 1 ms each for the refused, 50 ms for the others.
  @Test func latenciesAreOfGoodAnswersAloneAndTheFailedShareStandsBesideThem() throws {
    let empty = try SyntheticReport.history(.eda, people: 0, quota: 1, slowness: 1, seed: 1)
    var history = History(run: empty.run)
    let opened = UInt32(history.run.openedAfter)
    for number in UInt32(0)..<500 {
      let due = opened + number * 10_000
      let isRefused = number >= 100
      for call in [Call.coupon, .booking] {
        let outcomes: [Outcome] =
          call == .coupon ? [.unavailable, .refused] : [.unavailable, .notSent, .strange]
        let outcome = isRefused ? outcomes[Int(number) % outcomes.count] : .soldOut
        history.append(
          RequestRecord(
            call: call, outcome: outcome, attempt: 1, person: number, due: due, sent: due,
            answered: due + (isRefused ? 1_000 : 50_000)))
      }
    }
    var record = TrialRecord(crowd: [history], quota: 1)
    record.verifications = [Verification(checking: try SyntheticRun(.eda).evidence)]
    let figures = TrialFigures(record)
    let during = figures.bystander.during
    #expect(during.latency.count == 100 && during.failed == 400 && during.failedShare == 0.8)
    #expect(try #require(during.latency.p50Ms) > 49)
    #expect(figures.requests.failed == 400 && figures.requests.soldOut.count == 100)
    #expect(figures.metrics["bystander.p50_ms"] == during.latency.p50Ms)
    #expect(figures.metrics["bystander.failed"] == 0.8 && figures.metrics["coupons.failed"] == 0.8)
    let series = try #require(figures.series)
    for (mean, longest, failed) in [
      (series.meanMs, series.maxMs, series.failed),
      (series.bystanderMeanMs, series.bystanderMaxMs, series.bystanderFailed),
    ] {
      #expect((mean + longest).compactMap { $0 }.allSatisfy { $0 > 49 })
      #expect(failed.contains(0) && failed.contains(1))
      #expect(zip(longest, failed).allSatisfy { $0 == nil || $1 != 1 })
    }
    let shown = figures
    let report = try SyntheticReport.report([
      SyntheticReport.column(
        "monolith", try SyntheticReport.run(.monolith, people: 2_000, quota: 100, slowness: 3)),
      SyntheticReport.column("eda", shown),
    ])
    let lines = FigureTable(report).text.lines
    let row = try #require(lines.firstIndex { $0.hasPrefix("  p99 during") })
    #expect(lines[row].hasSuffix("50.0 ms") && lines[row + 1].contains("failed"))
    #expect(ReportPage(report).html.contains("share of stays and bookings that failed"))
    #expect(
      report.columns[1].medians["bystander.during.failed"]?.median == shown.bystander.during.failedShare)
  }
}
