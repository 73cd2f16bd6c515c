import Scenarios
import Terminal

/// Figures as bars: one group a part, one bar a contestant, a line from the least to the greatest of the rounds. Each
/// group has a scale of its own.
struct BenchChart {
  private let title: String
  private let figures: [BenchFigure]

  private static let width = 830.0
  private static let bar = 15.0

  /// - Parameter measure: of which the bars are.
  init(_ title: String, _ figures: [BenchFigure], _ measure: BenchMeasure) {
    self.title = title
    self.figures = figures.filter { $0.measure == measure }
  }

  var isEmpty: Bool { figures.isEmpty }

  /// Behind the longest name.
  private var left: Double {
    20 + (figures.map { TextWidth.of($0.contestant, size: Style.textSize) }.max() ?? 0)
  }

  /// For the longest figure, behind a bar of full length.
  private var right: Double {
    18 + (figures.map { TextWidth.of($0.text, size: Style.textSize, isBold: true) }.max() ?? 0)
  }

  var svg: String {
    let (body, height) = drawn(from: 14)
    return SVG.root(width: BenchChart.width, height: height + 14, #"aria-label="\#(title.escaped)""#, body)
  }

  /// One picture of several charts, each under its title.
  static func file(_ charts: [BenchChart], label: String) -> String {
    var (body, y) = ("", 14.0)
    for chart in charts where !chart.isEmpty {
      y += 16
      body += SVG.text(chart.title, 12, y, "start", "title")
      let (drawn, end) = chart.drawn(from: y)
      body += drawn
      y = end + 10
    }
    return SVG.file(
      SVG.root(width: width, height: y + 10, #"aria-label="\#(label.escaped)""#, body))
  }

  private func drawn(from top: Double) -> (svg: String, end: Double) {
    var (svg, y) = ("", top)
    var parts: [String] = []
    for figure in figures where !parts.contains(figure.part) { parts.append(figure.part) }
    for part in parts {
      let those = figures.filter { $0.part == part }
      y += 18
      svg += SVG.text(part, 12, y, "start", "strong")
      y += 8
      let most = those.map(\.spread.max).max() ?? 1
      for figure in those {
        svg += row(figure, most: most, y: y)
        y += BenchChart.bar + 5
      }
    }
    return (svg, y)
  }

  private func row(_ figure: BenchFigure, most: Double, y: Double) -> String {
    let spread = figure.spread
    let left = left
    let span = BenchChart.width - left - right
    func place(_ value: Double) -> Double { left + max(value, 0) / max(most, 1e-12) * span }
    var row = SVG.text(figure.contestant, left - 8, y + 11, "end", "")
    row += SVG.rect(
      left, y, max(place(spread.median) - left, 1), BenchChart.bar, figure.style,
      more: #" rx="2""#)
    if spread.max > spread.min {
      let middle = y + BenchChart.bar / 2
      // A rim keeps the line apart from its bar.
      for style in ["halo", "spread"] {
        row += SVG.line(place(spread.min), middle, place(spread.max), middle, style)
      }
    }
    return row
      + SVG.text(figure.text, max(place(spread.median), place(spread.max)) + 6, y + 11, "start", "strong")
  }
}

extension BenchFigure {
  /// A class of the style sheet: the programs in their colours, ceilings grey, others in a third one.
  fileprivate var style: String {
    if contestant.hasPrefix("eda") { return "eda" }
    if contestant.hasPrefix("monolith") { return "monolith" }
    return contestant.hasPrefix("against") ? "fair" : "track"
  }
}
