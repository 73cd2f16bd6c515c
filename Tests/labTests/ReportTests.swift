import CouponDomain
import Foundation
import Testing
import Text
import lab

@Suite struct ReportTests {
  @Test func everybodyIsCountedOnce() throws {
    let run = try SyntheticReport.report().runs[0]
    let people = run.people
    #expect(people.accepted + people.soldOut + people.failed + people.otherwiseRefused == 2_000)
    #expect(people.accepted == 100)
    #expect(people.otherwiseRefused > 0)
    #expect(run.requests.total == 2_000)
    #expect(run.requests.byOutcome.values.reduce(0, +) == 2_000)
    #expect(run.series.due.reduce(0, +) == 2_000)
    #expect(run.series.settled.reduce(0, +) == 2_000)
    #expect(run.series.issued.last?.count == 100)
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
    #expect(figures.requests.failed.count == 2)
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

  @Test func theTableHasAColumnForEachRun() throws {
    let report = try SyntheticReport.report()
    let lines = ResultTable(report).text.lines
    #expect(lines[0].hasSuffix("monolith       eda"))
    #expect(lines.contains { $0.hasPrefix("  oversold") && $0.hasSuffix("0         0") })
    #expect(lines.contains { $0.hasPrefix("  winners p99.9") })
    #expect(lines.allSatisfy { $0.count <= 80 })
    #expect(ResultTable.warnings(report).isEmpty)
    #expect(report.passed)
  }

  @Test func aGeneratorThatIsTheBottleneckSaysSo() throws {
    var report = try SyntheticReport.report()
    var lateness = Histogram()
    lateness.record(microseconds: 500, times: 97)
    lateness.record(microseconds: 25_000, times: 3)
    report.runs[1].generator = GeneratorFigures(lateness: lateness, cpuSeconds: nil)
    #expect(ResultTable.warnings(report).count == 1)
    #expect(ResultTable(report).text.lines.contains { $0.contains("3.0 % BOTTLENECK") })
    #expect(ReportPage(report).html.contains("class=\"warning\""))
    report.runs[0].verified = false
    #expect(ResultTable.warnings(report).count == 2)
    #expect(!report.passed)
  }
}
