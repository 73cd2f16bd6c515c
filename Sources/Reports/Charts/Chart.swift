import Foundation
import Terminal

/// One line chart as SVG. From above to below: what is measured, the legend, the times that are marked, the lines, the
/// strips, and a key where the marks have numbers. Each takes the room that its texts need (`TextWidth`).
struct Chart {
  struct Line {
    var name: String
    /// A name of `Style.paths`: `monolith`, `eda`, `due`.
    var style: String
    var dash = Dash.solid
    /// Gaps where y is nil.
    var points: [(x: Double, y: Double?)]
    /// Drawn as steps: the value holds until the next point.
    var isStep = false
  }

  /// Lines of one colour that can be told apart; names of `Style.paths`.
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

  /// A time behind the lines: a fault, of the run that had it.
  struct Shade: Hashable {
    var from: Double
    var to: Double
    var name: String
    var run: String
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
  /// Every fault of every run.
  var shades: [Shade] = []
  /// How many runs are drawn: a fault that fewer have is theirs.
  var runs = 1
  /// Upright lines with their names.
  var marks: [(x: Double, name: String)] = []
  /// What `strips` are shares of.
  var stripLabel = ""
  var strips: [Strip] = []
  var xRange: ClosedRange<Double>
  /// How a y is written at the axis.
  var yText: (Double) -> String

  static let width = 830.0
  static let left = 76.0
  static let right = width - 18
  private static let height = 246.0
  private static let strip = 10.0
  private static let row = 18.0

  /// The `<svg>` element.
  ///
  /// - Parameters:
  ///   - id: makes its title and description unique on the page.
  ///   - isTitled: whether the title is drawn, where no page has it above.
  func svg(id: String, isTitled: Bool = false) -> String {
    var body =
      #"<title id="\#(id)-title">\#(title.escaped)</title><desc id="\#(id)-desc">\#(description.escaped)</desc>"#
      + "\n"
    var y = 8.0
    if isTitled {
      body += SVG.text(title, 12, y + 14, "start", "title")
      y += 22
    }
    body += legend(from: &y)
    body += SVG.text(yLabel, 12, y + 13)
    y += Chart.row
    let times = ChartTimes(self)
    body += times.tags(from: &y, height: Chart.height)
    let axis = yAxis(from: y)
    body += gridAndLabels(axis)
    if let level { body += draw(level, axis) }
    for line in lines { body += path(line, axis) }
    y = axis.bottom + 24
    body += SVG.text(xLabel, Chart.right, y + 12, "end")
    if !strips.isEmpty {
      body += SVG.text(stripLabel, 12, y + 12)
      y += Chart.row + 2
      for strip in strips {
        body += draw(strip, y)
        y += Chart.strip
      }
    } else {
      y += Chart.row
    }
    body += times.key(from: &y)
    return SVG.root(
      width: Chart.width, height: y + 8, #"aria-labelledby="\#(id)-title \#(id)-desc""#, body)
  }

  private func draw(_ level: (y: Double, name: String), _ axis: Axis) -> String {
    let y = axis.place(level.y)
    // Above its line, or below where that is the top.
    let text = y - axis.top < 18 ? y + 14 : y - 5
    return SVG.line(Chart.left, y, Chart.right, y, "level")
      + SVG.text(level.name, Chart.right - 4, text, "end")
  }

  private func draw(_ strip: Strip, _ y: Double) -> String {
    let height = Chart.strip - 3
    var svg = SVG.path("M30 \(SVG.number(y + height / 2))h34", style(strip.style, strip.dash))
    svg += SVG.rect(Chart.left, y, Chart.right - Chart.left, height, "track")
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

  /// The names of the lines, in as many rows as they need.
  private func legend(from y: inout Double) -> String {
    var svg = ""
    var x = 12.0
    for entry in lines {
      let width = 30 + TextWidth.of(entry.name, size: Style.textSize)
      if x > 12, x + width > Chart.right {
        x = 12
        y += Chart.row
      }
      svg += SVG.path("M\(SVG.number(x)) \(SVG.number(y + 9))h24", style(entry.style, entry.dash))
      svg += SVG.text(entry.name, x + 30, y + 13, "start", "ink")
      x += width + 18
    }
    y += Chart.row
    return svg
  }

  // MARK: - Axes

  private struct Axis {
    var ticks: [Double]
    var top: Double
    var bottom: Double
    var place: (Double) -> Double
  }

  func place(x: Double) -> Double {
    let share = (x - xRange.lowerBound) / max(xRange.upperBound - xRange.lowerBound, 1e-9)
    return Chart.left + share * (Chart.right - Chart.left)
  }

  private func yAxis(from top: Double) -> Axis {
    let values = lines.flatMap { $0.points.compactMap(\.y) } + [level?.y].compactMap { $0 }
    let bottom = top + Chart.height
    switch scale {
    case .linear:
      let ticks = Chart.ticks(0...max(values.max() ?? 1, 1e-9))
      let most = max(ticks.last ?? 1, values.max() ?? 1)
      return Axis(ticks: ticks, top: top, bottom: bottom) { bottom - $0 / most * Chart.height }
    case .logarithmic:
      let positive = values.filter { $0 > 0 }
      let low = floor(log10(positive.min() ?? 1))
      let high = max(ceil(log10(positive.max() ?? 10)), low + 1)
      let ticks = stride(from: low, through: high, by: 1).map { pow(10, $0) }
      return Axis(ticks: ticks, top: top, bottom: bottom) { value in
        let share = (log10(max(value, pow(10, low))) - low) / (high - low)
        return bottom - share * Chart.height
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

  private func gridAndLabels(_ axis: Axis) -> String {
    var svg = ""
    for tick in axis.ticks {
      svg += SVG.line(Chart.left, axis.place(tick), Chart.right, axis.place(tick), "grid")
      svg += SVG.text(yText(tick), Chart.left - 8, axis.place(tick) + 4, "end")
    }
    for tick in Chart.ticks(xRange) where xRange.contains(tick) {
      let text = Numbers.decimal(tick, digits: tick.rounded() == tick ? 0 : 1)
      svg += SVG.line(place(x: tick), axis.bottom, place(x: tick), axis.bottom + 4, "axis")
      svg += SVG.text(text, place(x: tick), axis.bottom + 18, "middle")
    }
    return svg + SVG.line(Chart.left, axis.bottom, Chart.right, axis.bottom, "axis")
  }

  private func path(_ entry: Line, _ axis: Axis) -> String {
    var d = ""
    var isDrawing = false
    var last = 0.0
    for point in entry.points {
      guard let value = point.y, xRange.contains(point.x) else {
        isDrawing = false
        continue
      }
      let (px, py) = (SVG.number(place(x: point.x)), SVG.number(axis.place(value)))
      if isDrawing, entry.isStep { d += "H\(px)V\(py)" }
      if isDrawing, !entry.isStep { d += "L\(px) \(py)" }
      // A lone point is a dot: a line of no length with round ends.
      if !isDrawing { d += "M\(px) \(py)h0" }
      (isDrawing, last) = (true, place(x: point.x))
    }
    if entry.isStep, isDrawing, last < Chart.right { d += "H\(SVG.number(Chart.right))" }
    return SVG.path(d, style(entry.style, entry.dash), title: entry.name)
  }
}
