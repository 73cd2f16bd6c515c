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
      body += text(ExperimentPage.label(metric).filter { $0 != "`" }, 12, y, "start", "strong")
      y += 8
      let top = result.variants.compactMap { result.medians[$0.name]?[metric]?.max }.max() ?? 1
      for variant in result.variants {
        body += row(variant, metric, top: top, y: y)
        y += BarChart.bar + 5
      }
    }
    let height = Int(y + 14)
    return """
      <svg viewBox="0 0 \(Int(BarChart.width)) \(height)" role="img" aria-label="Measured figures by variant">
      \(body)</svg>
      """
  }

  private func row(_ variant: ExperimentResult.VariantFacts, _ metric: String, top: Double, y: Double)
    -> String
  {
    var row = text(variant.name, BarChart.left - 8, y + 11, "end", "")
    let name = String(metric.prefix { $0 != "@" })
    guard let spread = result.medians[variant.name]?[metric] else {
      return row + text("–", BarChart.left + 4, y + 11, "start", "")
    }
    let span = BarChart.width - BarChart.left - BarChart.right
    func place(_ value: Double) -> Double { BarChart.left + max(value, 0) / max(top, 1e-12) * span }
    row += #"<rect class="\#(variant.architecture.escaped)" x="\#(number(BarChart.left))" y="\#(number(y))" "#
    row +=
      #"width="\#(number(max(place(spread.median) - BarChart.left, 1)))" height="\#(number(BarChart.bar))" "#
    row += #"rx="2"/>"# + "\n"
    if spread.max > spread.min {
      row += #"<path class="spread" d="M\#(number(place(spread.min))) \#(number(y + BarChart.bar / 2))"#
      row += #"H\#(number(place(spread.max)))"/>"# + "\n"
    }
    let end = max(place(spread.median), place(spread.max)) + 6
    let value = MetricText.value(spread.median, of: name)
    let rounds = ExperimentPage.rounds(spread, of: result).map { " (\($0))" } ?? ""
    return row + text(value + rounds, end, y + 11, "start", "strong")
  }

  private func text(_ text: String, _ x: Double, _ y: Double, _ anchor: String, _ style: String) -> String {
    #"<text class="\#(style)" x="\#(number(x))" y="\#(number(y))" text-anchor="\#(anchor)">\#(text.escaped)</text>"#
      + "\n"
  }

  private func number(_ value: Double) -> String { String(Double(Int((value * 10).rounded())) / 10) }
}
