import Scenarios
import Experiments

/// The shown metrics as bars: one group a metric, one bar a variant, a line from the least to the greatest of the rounds.
struct BarChart {
  private let result: ExperimentResult
  private let metrics: [String]

  private static let width = 760.0
  private static let left = 190.0
  private static let right = 160.0
  private static let bar = 15.0

  init(_ result: ExperimentResult) {
    self.result = result
    metrics = result.shown.filter { metric in
      result.variants.contains { (result.medians[$0.name]?[metric]?.max ?? 0) > 0 }
    }
  }

  var isEmpty: Bool { metrics.isEmpty }

  var svg: String {
    var y = 14.0
    var body = ""
    for metric in metrics {
      y += 14
      body += SVG.text(ExperimentPage.label(metric).filter { $0 != "`" }, 12, y, "start", "strong")
      y += 8
      let top = result.variants.compactMap { result.medians[$0.name]?[metric]?.max }.max() ?? 1
      for variant in result.variants {
        body += row(variant, metric, top: top, y: y)
        y += BarChart.bar + 5
      }
    }
    return SVG.root(
      width: BarChart.width, height: y + 14, #"aria-label="Measured figures by variant""#, body)
  }

  private func row(_ variant: ExperimentResult.VariantFacts, _ metric: String, top: Double, y: Double)
    -> String
  {
    var row = SVG.text(variant.name, BarChart.left - 8, y + 11, "end", "")
    let name = String(metric.prefix { $0 != "@" })
    guard let spread = result.medians[variant.name]?[metric] else {
      return row + SVG.text("–", BarChart.left + 4, y + 11, "start", "")
    }
    let span = BarChart.width - BarChart.left - BarChart.right
    func place(_ value: Double) -> Double { BarChart.left + max(value, 0) / max(top, 1e-12) * span }
    row += SVG.rect(
      BarChart.left, y, max(place(spread.median) - BarChart.left, 1), BarChart.bar, variant.architecture,
      more: #" rx="2""#)
    if spread.max > spread.min {
      let middle = y + BarChart.bar / 2
      row += SVG.line(place(spread.min), middle, place(spread.max), middle, "spread")
    }
    let end = max(place(spread.median), place(spread.max)) + 6
    let value = MetricText.value(spread.median, of: name)
    let rounds = ExperimentPage.rounds(spread, of: result).map { " (\($0))" } ?? ""
    return row + SVG.text(value + rounds, end, y + 11, "start", "strong")
  }
}
