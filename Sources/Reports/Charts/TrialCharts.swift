import Figures
package import Experiments
import Terminal

/// Charts of trials over time, a file each (`CouponsChart.swift` and others); a new one is listed in `ofPage` or `ofFiles`.
package struct TrialCharts {
  /// One line a variant, and what it is drawn with.
  struct Drawn {
    let name: String
    let architecture: String
    let dash: Chart.Dash
    let series: SeriesFigures
    let figures: TrialFigures
  }

  let trials: [Drawn]
  /// Where each architecture has one trial, its dashed line is free for a second figure.
  let isDetailed: Bool
  let quota: Int?

  /// - Parameter quota: nil: without details.
  package init(_ charted: [ChartedTrial], quota: Int? = nil) {
    (isDetailed, self.quota) = (quota != nil, quota)
    var trials: [Drawn] = []
    for trial in charted {
      guard let series = trial.figures.series else { continue }
      // The first variant of an architecture has a solid line, each further one another.
      let before = trials.count { $0.architecture == trial.figures.architecture }
      trials.append(
        Drawn(
          name: trial.name, architecture: trial.figures.architecture,
          dash: Chart.Dash.allCases[before % Chart.Dash.allCases.count], series: series,
          figures: trial.figures))
    }
    self.trials = trials
  }

  /// Those of `report.html`.
  var ofPage: [Chart] { [latency, coupons, answers, bystander] }

  /// Those beside `RESULT.md`, by file name; none where more lines than there are dashes could not be told apart.
  var ofFiles: [(name: String, chart: Chart)] {
    guard !trials.isEmpty, trials.count <= Chart.Dash.allCases.count else { return [] }
    return [("coupons", coupons), ("bystander", bystander)]
  }

  // MARK: - What the charts share

  /// A value a slice.
  func line(_ trial: Drawn, _ name: String, dashed: Bool = false, _ values: [Double?]) -> Chart.Line {
    Chart.Line(
      name: name.isEmpty ? trial.name : "\(trial.name) \(name)", style: trial.architecture,
      dash: dashed ? .dashed : trial.dash,
      points: values.enumerated().map { (trial.series.middle(of: $0.offset), $0.element) })
  }

  /// The share of each slice that failed, below the chart.
  func strip(_ trial: Drawn, _ failed: [Double?]) -> Chart.Strip {
    Chart.Strip(
      name: trial.name, style: trial.architecture, dash: trial.dash,
      parts: failed.enumerated().map { slice, share in
        (trial.series.start(of: slice), trial.series.start(of: slice + 1), share ?? 0)
      })
  }

  /// From shortly before the opening until everybody has their answer.
  var crowdRange: ClosedRange<Double> {
    let ends = trials.compactMap { $0.figures.metrics["answered_s"] }.max() ?? 1
    return min(-1, -ends * 0.05)...max(ends, 1)
  }

  var wholeRange: ClosedRange<Double> {
    let starts = trials.map(\.series.startSeconds)
    let start = (isDetailed ? starts.min() : starts.max().map { min(-1, $0) }) ?? -1
    return start...max(trials.map(\.series.endSeconds).max() ?? 1, start + 1, 1)
  }

  /// The opening, and the faults of the first variant that has any.
  var marks: [(x: Double, name: String)] {
    let windows = trials.lazy.map { $0.figures.faults.map(\.window) }.first { !$0.isEmpty } ?? []
    guard let from = windows.map(\.from).min(), let to = windows.map(\.to).max() else {
      return [(0, "opening")]
    }
    return [(0, "opening"), (from, "fault"), (to, "healed")]
  }

  static func milliseconds(_ value: Double) -> String {
    value >= 1_000
      ? Numbers.decimal(value / 1_000, digits: 0) + " s"
      : Numbers.decimal(value, digits: value < 0.1 ? 2 : value < 1 ? 1 : 0) + " ms"
  }
}
