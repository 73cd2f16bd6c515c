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
    let faults: [FaultWindow]
    let metrics: [String: Double]
  }

  private(set) var trials: [Drawn]
  let quota: Int?
  /// Where each architecture has one trial, its dashed line is free for a second figure.
  var isDetailed: Bool { quota != nil && Set(trials.map(\.architecture)).count == trials.count }

  /// - Parameter quota: nil: without details.
  package init(_ charted: [ChartedTrial], quota: Int? = nil) {
    self.init(quota: quota)
    for trial in charted {
      let figures = trial.figures
      add(trial.name, figures.architecture, figures.series, figures.faults, figures.metrics)
    }
  }

  /// The first round of an experiment, of what its file has kept.
  init(_ result: ExperimentResult) {
    self.init(quota: nil)
    for variant in result.variants {
      let run = result.runs.first { $0.variant == variant.name && $0.round == 1 }
      add(
        variant.name, variant.architecture, result.firstRound?[variant.name], run?.faults ?? [],
        run?.metrics ?? [:])
    }
  }

  private init(quota: Int?) { (trials, self.quota) = ([], quota) }

  private mutating func add(
    _ name: String, _ architecture: String, _ series: SeriesFigures?, _ faults: [FaultFigures],
    _ metrics: [String: Double]
  ) {
    guard let series else { return }
    // The first variant of an architecture has a solid line, each further one another.
    let before = trials.count { $0.architecture == architecture }
    trials.append(
      Drawn(
        name: name, architecture: architecture,
        dash: Chart.Dash.allCases[before % Chart.Dash.allCases.count], series: series,
        faults: faults.map(\.window), metrics: metrics))
  }

  /// Those of `report.html`.
  var ofPage: [Chart] { [latency, coupons, answers, bystander] }

  /// Those beside `RESULT.md`, by file name; none where more lines than there are dashes could not be told apart.
  var ofFiles: [(name: String, chart: Chart)] {
    guard !trials.isEmpty, trials.count <= Chart.Dash.allCases.count else { return [] }
    return [("coupons", coupons), ("bystander", bystander)]
  }

  /// The series of which `ofFiles` are drawn, by variant; nil where there are none.
  var kept: [String: SeriesFigures]? {
    ofFiles.isEmpty
      ? nil : Dictionary(trials.map { ($0.name, $0.series) }, uniquingKeysWith: { first, _ in first })
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
    let ends = trials.compactMap { $0.metrics["answered_s"] }.max() ?? 1
    return min(-1, -ends * 0.05)...max(ends, 1)
  }

  var wholeRange: ClosedRange<Double> {
    let starts = trials.map(\.series.startSeconds)
    let start = (isDetailed ? starts.min() : starts.max().map { min(-1, $0) }) ?? -1
    return start...max(trials.map(\.series.endSeconds).max() ?? 1, start + 1, 1)
  }

  /// Every fault of every variant.
  var shades: [Chart.Shade] {
    trials.flatMap { trial in
      trial.faults.map { Chart.Shade(from: $0.from, to: $0.to, name: $0.name, run: trial.name) }
    }
  }

  var opening: [(x: Double, name: String)] { [(0, "opening")] }

  static func milliseconds(_ value: Double) -> String {
    value >= 1_000
      ? Numbers.decimal(value / 1_000, digits: 0) + " s"
      : Numbers.decimal(value, digits: value < 0.1 ? 2 : value < 1 ? 1 : 0) + " ms"
  }
}
