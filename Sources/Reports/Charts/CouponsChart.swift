import Figures
import Terminal

extension TrialCharts {
  var coupons: Chart {
    let lines = trials.flatMap { trial -> [Chart.Line] in
      let held = Chart.Line(
        name: isDetailed ? "\(trial.name) answered" : trial.name, style: trial.architecture, dash: trial.dash,
        points: [(0, 0)] + trial.series.issued.map { ($0.seconds, Double($0.count)) }, isStep: true)
      let recorded = Chart.Line(
        name: "\(trial.name) in the database", style: trial.architecture, dash: .dashed,
        points: trial.series.recorded.map { ($0.seconds, Double($0.count)) }, isStep: true)
      return isDetailed ? [recorded, held] : [held]
    }
    return Chart(
      title: isDetailed ? "Issued over time" : "Coupons over time",
      description: isDetailed
        ? "Coupons in people's hands, and rows in the database, since the opening."
        : "Coupons in people's hands since the opening, first round.",
      yLabel: "coupons", scale: .linear, lines: lines,
      level: quota.map { (Double($0), "quota") }, shades: shades, runs: trials.count,
      marks: isDetailed ? [] : opening,
      xRange: isDetailed ? 0...issuing : wholeRange, yText: { Numbers.decimal($0, digits: 0) })
  }

  /// Until the last coupon is held and recorded, with a margin.
  private var issuing: Double {
    let sold = trials.compactMap { $0.metrics["sell_out_s"] }.max() ?? crowdRange.upperBound
    let durable = trials.compactMap { $0.metrics["durable_s"] }.max() ?? sold
    return max(max(sold, durable) * 1.25, 0.5)
  }
}
