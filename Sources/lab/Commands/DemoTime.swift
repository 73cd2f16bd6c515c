package import EventLoop
import Load
import Terminal

/// How long a demo takes: the schedule of the crowd, which is known, and what servers take beside it to start, be checked
/// and stop, which was measured: in an earlier report, and from the first run on in this demo.
package struct DemoTime {
  package struct Earlier {
    /// What a run took beside its schedule, in seconds.
    package var seconds: Double
    /// The report that says so.
    package var report: String

    package init(seconds: Double, report: String) { (self.seconds, self.report) = (seconds, report) }
  }

  private let titles: [String]
  private let rounds: Int
  /// Seconds a run, by its schedule.
  private let schedule: Double
  private let before: Earlier?
  /// What each run of this demo took beside its schedule, in seconds.
  package private(set) var beside: [Double] = []
  private var begun: Instant?

  package init(titles: [String], rounds: Int, schedule: Double, before: Earlier?) {
    (self.titles, self.rounds, self.schedule, self.before) = (titles, rounds, schedule, before)
  }

  private var runs: Int { titles.count * rounds }

  /// Before anything begins.
  package var announcement: [String] {
    let names = [titles.dropLast().joined(separator: ", "), titles.last ?? ""].filter { !$0.isEmpty }
    let what =
      (runs == 1 ? "1 run of " : "\(runs) runs: \(rounds) \(rounds == 1 ? "round" : "rounds") of ")
      + names.joined(separator: " and ") + (titles.count > 1 ? ", taking turns" : "")
    let seconds = "\(Numbers.decimal(schedule, digits: 0)) s a run"
    let how =
      if let before {
        """
        This takes about \(DemoTime.text(Double(runs) * (schedule + before.seconds))): \(seconds) by the crowd's schedule, and \
        \(Numbers.decimal(before.seconds, digits: 0)) s a run to start, check and stop servers, as in \(before.report).
        """
      } else {
        """
        The crowds' schedules alone take \(DemoTime.text(Double(runs) * schedule)) (\(seconds)); how long servers take to \
        start and stop on this machine is known after the first run.
        """
      }
    return what.wrapped(indent: "  ") + how.wrapped(indent: "  ")
  }

  /// `Round 1 of 3: eda (run 3 of 9, about 2 min 50 s left)`.
  package func heading(_ title: String, round: Int) -> String {
    let left = remaining.map { ", about \(DemoTime.text($0)) left" } ?? ""
    return "Round \(round) of \(rounds): \(title) (run \(beside.count + 1) of \(runs)\(left))"
  }

  /// Nil while nothing is known of what servers take.
  private var remaining: Double? {
    let own = beside.isEmpty ? nil : beside.reduce(0, +) / Double(beside.count)
    guard let seconds = own ?? before?.seconds else { return nil }
    return Double(runs - beside.count) * (schedule + seconds)
  }

  package mutating func begins(_ now: Instant) { begun = now }

  package mutating func ended(_ now: Instant) {
    guard let begun else { return }
    beside.append(max(0, (now - begun).milliseconds / 1_000 - schedule))
  }

  /// `45 s`, `3 min 20 s`; to five seconds from a minute on.
  private static func text(_ seconds: Double) -> String {
    guard seconds >= 60 else { return "\(Int(seconds.rounded(.up))) s" }
    let whole = Int((seconds / 5).rounded()) * 5
    return "\(whole / 60) min" + (whole % 60 == 0 ? "" : " \(whole % 60) s")
  }
}

extension LoadOptions {
  /// From the first request of the bystander to the last one, where nobody has to wait.
  var scheduleSeconds: Double { (before + after).milliseconds / 1_000 + crowd.seconds }
}
