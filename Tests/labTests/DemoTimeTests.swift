import EventLoop
import TestSupport
import Testing
import lab

/// How long a demo says that it will take.
@Suite(.limited) struct DemoTimeTests {
  private let titles = ["monolith", "monolith + cache", "eda"]

  @Test func whatServersTakeIsFromAnEarlierReport() {
    let time = DemoTime(
      titles: titles, rounds: 3, schedule: 16.4, before: .init(seconds: 6, report: ".lab/report/report.json"))
    let text = time.announcement.joined(separator: " ").replacing("   ", with: " ")
    #expect(text.hasPrefix("9 runs: 3 rounds of monolith, monolith + cache and eda, taking turns This"))
    // 9 · 22.4 s = 201.6 s
    #expect(text.contains("about 3 min 20 s") && text.contains("16 s a run") && text.contains("6 s a run"))
    #expect(text.contains(".lab/report/report.json"))
    #expect(time.announcement.allSatisfy { $0.count <= 80 }, "\(text)")
    #expect(time.heading("eda", round: 1) == "Round 1 of 3: eda (run 1 of 9, about 3 min 20 s left)")
  }

  @Test func withoutAReportOnlyTheScheduleIsSaid() {
    let time = DemoTime(titles: ["eda"], rounds: 1, schedule: 20, before: nil)
    let text = time.announcement.joined(separator: " ").replacing("   ", with: " ")
    #expect(text.hasPrefix("1 run of eda The"))
    #expect(text.contains("take 20 s") && text.contains("known after the first run"))
    #expect(time.heading("eda", round: 1) == "Round 1 of 1: eda (run 1 of 1)")
  }

  @Test func runsThatAreOverAreWhatTheRestIsReckonedFrom() {
    var time = DemoTime(titles: titles, rounds: 3, schedule: 16, before: .init(seconds: 6, report: "r"))
    var now = Instant.now
    for seconds in [20.0, 26, 36] {
      time.begins(now)
      now = now + .seconds(seconds)
      time.ended(now)
    }
    #expect(time.beside.map { $0.rounded() } == [4, 10, 20])
    // 6 more of 16 + 34 / 3 s.
    #expect(
      time.heading("monolith", round: 2) == "Round 2 of 3: monolith (run 4 of 9, about 2 min 45 s left)")
  }
}
