import Experiments
import Figures
import Scenarios
import Terminal

/// The shown metrics as bars, `figures.svg`: a panel a metric with its axis, a bar a variant for the median, a line from the
/// least to the greatest of the rounds.
struct BarChart {
  /// A metric that some variant has more than 0 of.
  struct Panel {
    let key: String
    let name: String
    /// As a reader calls it.
    let title: String
    let unit: MetricUnit
  }

  private let result: ExperimentResult
  let panels: [Panel]
  /// Titles of what has a value and is 0 in every round of every variant.
  let zeros: [String]
  /// Titles of what has no value at all.
  let unknown: [String]

  private static let width = 830.0
  private static let edge = 12.0
  private static let bar = 13.0
  private static let pitch = 19.0

  init(_ result: ExperimentResult) {
    self.result = result
    var (panels, zeros, unknown): ([Panel], [String], [String]) = ([], [], [])
    for key in result.shown {
      let metric = Metric(described: key)
      let title = metric?.title ?? key
      let spreads = result.variants.compactMap { result.medians[$0.name]?[key] }
      if let top = spreads.map(\.max).max(), top > 0 {
        let name = metric?.name ?? key
        panels.append(Panel(key: key, name: name, title: title, unit: MetricUnit(of: name, upTo: top)))
      } else if spreads.isEmpty {
        unknown.append(title)
      } else {
        zeros.append(title)
      }
    }
    (self.panels, self.zeros, self.unknown) = (panels, zeros, unknown)
  }

  var isEmpty: Bool { panels.isEmpty }

  var svg: String {
    var y = BarChart.edge
    var body = legend(from: &y)
    for panel in panels { body += draw(panel, from: &y) }
    body += notes(from: &y)
    return SVG.root(
      width: BarChart.width, height: y + 8, #"aria-label="Measured figures by variant""#, body)
  }

  /// Which colour is whose, and what bar and line are.
  private func legend(from y: inout Double) -> String {
    var svg = ""
    var x = BarChart.edge
    func add(_ symbol: String, _ width: Double, _ text: String) {
      svg += symbol + SVG.text(text, x + width + 6, y + 11, "start", "ink")
      x += width + 6 + TextWidth.of(text, size: Style.textSize) + 18
    }
    for architecture in Matrix.architectures
    where result.variants.contains(where: { $0.architecture == architecture }) {
      add(SVG.rect(x, y, 14, 12, architecture), 14, Matrix.title(of: architecture))
    }
    if result.rounds > 1 {
      add(
        SVG.line(x, y + 6, x + 22, y + 6, "spread"), 22,
        "bar and figure: median of \(result.rounds) rounds; line: least to greatest")
    }
    y += 26
    return svg
  }

  private func draw(_ panel: Panel, from y: inout Double) -> String {
    let spreads = result.variants.map { result.medians[$0.name]?[panel.key] }
    let texts = zip(result.variants, spreads).map { text(panel, $0, $1) }
    let left = BarChart.edge + widest(result.variants.map(\.name)) + 8
    let right = BarChart.width - BarChart.edge - widest(texts) - 12
    let top = spreads.compactMap { $0?.max }.max() ?? 1
    let ticks = Chart.ticks(0...panel.unit.shown(top))
    let most = max(top, panel.unit.value(ticks.last ?? 0))
    func place(_ value: Double) -> Double { left + max(value, 0) / max(most, 1e-12) * (right - left) }

    var svg = SVG.text("\(panel.title)\(panel.unit.suffix)", BarChart.edge, y + 14, "start", "title")
    y += 26
    let bottom = y + Double(result.variants.count) * BarChart.pitch
    for tick in ticks {
      let x = place(panel.unit.value(tick))
      svg += SVG.line(x, y - 2, x, bottom + 3, "grid")
      svg += SVG.text(panel.unit.tick(tick, of: ticks), x, bottom + 16, "middle")
    }
    for ((variant, spread), text) in zip(zip(result.variants, spreads), texts) {
      svg += SVG.text(variant.name, left - 8, y + 11, "end", "ink")
      var end = left
      if let spread {
        let middle = y + BarChart.bar / 2
        svg += SVG.rect(
          left, y, max(place(spread.median) - left, 1), BarChart.bar, variant.architecture)
        if spread.max > spread.min {
          // A rim keeps the line apart from its bar.
          for style in ["halo", "spread"] {
            svg += SVG.line(place(spread.min), middle, place(spread.max), middle, style)
          }
        }
        end = place(max(spread.median, spread.max))
      }
      svg += SVG.text(text, end + 6, y + 11, "start", "strong")
      y += BarChart.pitch
    }
    svg += SVG.line(
      left, bottom - Double(result.variants.count) * BarChart.pitch - 2, left, bottom + 3, "axis")
    y += 32
    return svg
  }

  /// The median, with how many requests it is a share of, and in how many rounds where not in all.
  private func text(_ panel: Panel, _ variant: ExperimentResult.VariantFacts, _ spread: Spread?) -> String {
    guard let spread else { return "–" }
    let value = MetricText.value(spread.median, of: panel.name)
    let of = ExperimentPage.count(of: panel.key, variant.name, in: result).map { " of \($0)" } ?? ""
    return value + of + (ExperimentPage.rounds(spread, of: result).map { " (\($0))" } ?? "")
  }

  private func widest(_ texts: [String]) -> Double {
    texts.map { TextWidth.of($0, size: Style.textSize, isBold: true) }.max() ?? 0
  }

  /// What no bar shows.
  private func notes(from y: inout Double) -> String {
    var notes: [String] = []
    if !zeros.isEmpty { notes.append("0 in every round of every variant: \(zeros.joined(separator: "; ")).") }
    if !unknown.isEmpty { notes.append("Without a value: \(unknown.joined(separator: "; ")).") }
    if result.variants.contains(where: { variant in
      panels.contains { result.medians[variant.name]?[$0.key] == nil }
    }) {
      notes.append(
        "–: no value. A percentile of fewer than \(Percentile.fewestAnswers) answers is not shown.")
    }
    if panels.contains(where: { Metric(described: $0.key)?.sharedCount != nil }) {
      notes.append("“of”: so many requests in a round, median of the rounds.")
    }
    var svg = ""
    for line in notes.flatMap({ TextWidth.lines($0, size: Style.textSize, within: BarChart.width - 24) }) {
      svg += SVG.text(line, BarChart.edge, y + 11)
      y += 17
    }
    return svg
  }
}
