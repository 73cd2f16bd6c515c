import Foundation
import Terminal

/// One line chart as inline SVG; its colours come from the page's style sheet, so that it follows the scheme.
struct Chart {
  struct Line {
    var name: String
    /// A class of the style sheet: `monolith`, `eda`, `due`.
    var style: String
    var dash = Dash.solid
    /// Gaps where y is nil.
    var points: [(x: Double, y: Double?)]
    /// Drawn as steps: the value holds until the next point.
    var isStep = false
  }

  /// Lines of one colour that can be told apart; the names are classes of the style sheet.
  enum Dash: String, CaseIterable {
    case solid = ""
    case dashed, dotted, broken
  }

  /// One row below the chart that is the fuller the more failed at that time.
  struct Strip {
    var name: String
    var style: String
    var dash: Dash
    var parts: [(from: Double, to: Double, share: Double)]
  }

  enum Scale { case linear, logarithmic }

  var title: String
  var description: String
  var xLabel = "seconds since the opening"
  var yLabel: String
  var scale: Scale
  var lines: [Line]
  /// A line across, with its name.
  var level: (y: Double, name: String)?
  /// Times behind everything, with a name for the first and a class of the style sheet.
  var shades: [(from: Double, to: Double, name: String, style: String)] = []
  /// Upright lines with their names.
  var marks: [(x: Double, name: String)] = []
  /// What `strips` are shares of.
  var stripLabel = ""
  var strips: [Strip] = []
  var xRange: ClosedRange<Double>
  /// How a y is written at the axis.
  var yText: (Double) -> String

  private static let width = 760.0
  private static let height = 320.0
  private static let left = 68.0
  private static let right = 16.0
  private static let top = 34.0
  private static let bottom = 44.0
  private static let strip = 10.0

  /// The `<svg>` element; `id` makes its title and description unique on the page.
  func svg(id: String) -> String {
    let y = yAxis()
    var body =
      #"<title id="\#(id)-title">\#(title.escaped)</title><desc id="\#(id)-desc">\#(description.escaped)</desc>"#
      + "\n" + shading() + gridAndLabels(y) + legend()
    let (right, bottom) = (Chart.width - Chart.right, Chart.height - Chart.bottom)
    if let level {
      body += SVG.line(Chart.left, y.place(level.y), right, y.place(level.y), "level")
      body += SVG.text(level.name, right - 4, y.place(level.y) - 5, "end", "small")
    }
    for mark in marks where xRange.contains(mark.x) {
      body += SVG.line(place(x: mark.x), Chart.top, place(x: mark.x), bottom, "mark")
      body += SVG.text(mark.name, place(x: mark.x) + 4, Chart.top + 11, "start", "small")
    }
    for line in lines { body += path(line, y) }
    for (row, strip) in strips.enumerated() { body += draw(strip, row) }
    if !strips.isEmpty { body += SVG.text(stripLabel, 4, Chart.height - 6, "start", "axis") }
    return SVG.root(
      width: Chart.width, height: fullHeight, #"aria-labelledby="\#(id)-title \#(id)-desc""#, body)
  }

  private var fullHeight: Double {
    strips.isEmpty ? Chart.height : Chart.height + Double(strips.count) * Chart.strip + 8
  }

  private func shading() -> String {
    var svg = ""
    for (index, shade) in shades.enumerated() {
      let (from, to) = (max(shade.from, xRange.lowerBound), min(shade.to, xRange.upperBound))
      guard from <= to else { continue }
      svg += SVG.rect(
        place(x: from), Chart.top, max(place(x: to) - place(x: from), 1),
        Chart.height - Chart.top - Chart.bottom, "shade \(shade.style)", title: shade.name)
      if index == 0 { svg += SVG.text(shade.name, place(x: from) + 4, Chart.top + 11, "start", "small") }
    }
    return svg
  }

  private func draw(_ strip: Strip, _ row: Int) -> String {
    let y = Chart.height + Double(row) * Chart.strip
    let height = Chart.strip - 3
    var svg = SVG.path("M30 \(SVG.number(y + height / 2))h30", style(strip.style, strip.dash))
    svg += SVG.rect(Chart.left, y, Chart.width - Chart.right - Chart.left, height, "none")
    for part in strip.parts where part.share > 0 {
      let (from, to) = (max(part.from, xRange.lowerBound), min(part.to, xRange.upperBound))
      guard from < to else { continue }
      // A few of many must still be seen.
      let opacity = Numbers.decimal(0.25 + 0.75 * part.share, digits: 2)
      svg += SVG.rect(
        place(x: from), y, max(place(x: to) - place(x: from), 1), height, strip.style,
        more: #" fill-opacity="\#(opacity)""#,
        title: "\(strip.name): \(Numbers.percent(part.share)), \(Numbers.decimal(part.from, digits: 1))…"
          + "\(Numbers.decimal(part.to, digits: 1)) s")
    }
    return svg
  }

  private func style(_ style: String, _ dash: Dash) -> String {
    dash == .solid ? style : "\(style) \(dash.rawValue)"
  }

  // MARK: - Axes

  private struct Axis {
    var ticks: [Double]
    var place: (Double) -> Double
  }

  private func place(x: Double) -> Double {
    let share = (x - xRange.lowerBound) / max(xRange.upperBound - xRange.lowerBound, 1e-9)
    return Chart.left + share * (Chart.width - Chart.left - Chart.right)
  }

  private func yAxis() -> Axis {
    let values = lines.flatMap { $0.points.compactMap(\.y) } + [level?.y].compactMap { $0 }
    let span = Chart.height - Chart.top - Chart.bottom
    switch scale {
    case .linear:
      let ticks = Chart.ticks(0...max(values.max() ?? 1, 1e-9))
      let top = max(ticks.last ?? 1, values.max() ?? 1)
      return Axis(ticks: ticks) { Chart.height - Chart.bottom - $0 / top * span }
    case .logarithmic:
      let positive = values.filter { $0 > 0 }
      let low = floor(log10(positive.min() ?? 1))
      let high = max(ceil(log10(positive.max() ?? 10)), low + 1)
      let ticks = stride(from: low, through: high, by: 1).map { pow(10, $0) }
      return Axis(ticks: ticks) { value in
        let share = (log10(max(value, pow(10, low))) - low) / (high - low)
        return Chart.height - Chart.bottom - share * span
      }
    }
  }

  /// Round numbers through a range, five or so.
  static func ticks(_ range: ClosedRange<Double>) -> [Double] {
    let rough = (range.upperBound - range.lowerBound) / 5
    guard rough > 0 else { return [range.lowerBound] }
    let magnitude = pow(10, floor(log10(rough)))
    let step = ([1, 2, 5, 10].first { $0 * magnitude >= rough } ?? 10) * magnitude
    let first = Int(ceil(range.lowerBound / step - 1e-9))
    let last = Int(floor(range.upperBound / step + 1e-9))
    return (first...max(first, last)).map { Double($0) * step }
  }

  private func gridAndLabels(_ y: Axis) -> String {
    var svg = ""
    let (right, bottom) = (Chart.width - Chart.right, Chart.height - Chart.bottom)
    for tick in y.ticks {
      svg += SVG.line(Chart.left, y.place(tick), right, y.place(tick), "grid")
      svg += SVG.text(yText(tick), Chart.left - 8, y.place(tick) + 4, "end", "axis")
    }
    for tick in Chart.ticks(xRange) where xRange.contains(tick) {
      let text = Numbers.decimal(tick, digits: tick.rounded() == tick ? 0 : 1)
      svg += SVG.line(place(x: tick), bottom, place(x: tick), bottom + 4, "grid")
      svg += SVG.text(text, place(x: tick), bottom + 18, "middle", "axis")
    }
    svg += SVG.text(xLabel, right, Chart.height - 8, "end", "axis")
    return svg + SVG.text(yLabel, 4, 14, "start", "axis")
  }

  private func legend() -> String {
    var svg = ""
    var x = Chart.width - Chart.right
    for entry in lines.reversed() {
      x -= Double(entry.name.count) * 6.8
      svg += SVG.text(entry.name, x, 14, "start", "small")
      x -= 30
      svg += SVG.path("M\(SVG.number(x)) 10h24", style(entry.style, entry.dash))
      x -= 14
    }
    return svg
  }

  private func path(_ entry: Line, _ y: Axis) -> String {
    var d = ""
    var isDrawing = false
    var last = 0.0
    for point in entry.points {
      guard let value = point.y, xRange.contains(point.x) else {
        isDrawing = false
        continue
      }
      let (px, py) = (SVG.number(place(x: point.x)), SVG.number(y.place(value)))
      if isDrawing, entry.isStep { d += "H\(px)V\(py)" }
      if isDrawing, !entry.isStep { d += "L\(px) \(py)" }
      // A lone point is a dot: a line of no length with round ends.
      if !isDrawing { d += "M\(px) \(py)h0" }
      (isDrawing, last) = (true, place(x: point.x))
    }
    if entry.isStep, isDrawing, last < Chart.width - Chart.right {
      d += "H\(SVG.number(Chart.width - Chart.right))"
    }
    return SVG.path(d, style(entry.style, entry.dash), title: entry.name)
  }
}
