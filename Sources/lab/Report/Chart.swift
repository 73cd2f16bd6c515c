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
  var xLabel: String
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
    var svg = """
      <svg viewBox="0 0 \(Int(Chart.width)) \(Int(fullHeight))" role="img" \
      aria-labelledby="\(id)-title \(id)-desc">
      <title id="\(id)-title">\(title.escaped)</title><desc id="\(id)-desc">\(description.escaped)</desc>

      """
    svg += shading()
    svg += gridAndLabels(y)
    svg += legend()
    if let level {
      svg += line(
        x1: Chart.left, y1: y.place(level.y), x2: Chart.width - Chart.right, y2: y.place(level.y), "level")
      svg += text(level.name, Chart.width - Chart.right - 4, y.place(level.y) - 5, "end", "small")
    }
    for mark in marks where xRange.contains(mark.x) {
      svg += line(
        x1: place(x: mark.x), y1: Chart.top, x2: place(x: mark.x), y2: Chart.height - Chart.bottom, "mark")
      svg += text(mark.name, place(x: mark.x) + 4, Chart.top + 11, "start", "small")
    }
    for line in lines { svg += path(line, y) }
    for (row, strip) in strips.enumerated() { svg += draw(strip, row) }
    if !strips.isEmpty { svg += text(stripLabel, 4, Chart.height - 6, "start", "axis") }
    return svg + "</svg>"
  }

  private var fullHeight: Double {
    strips.isEmpty ? Chart.height : Chart.height + Double(strips.count) * Chart.strip + 8
  }

  private func shading() -> String {
    var svg = ""
    for (index, shade) in shades.enumerated() {
      let (from, to) = (max(shade.from, xRange.lowerBound), min(shade.to, xRange.upperBound))
      guard from <= to else { continue }
      let width = number(max(place(x: to) - place(x: from), 1))
      svg +=
        #"<rect class="shade \#(shade.style)" x="\#(number(place(x: from)))" y="\#(number(Chart.top))" "#
        + #"width="\#(width)" height="\#(number(Chart.height - Chart.top - Chart.bottom))">"#
        + "<title>\(shade.name.escaped)</title></rect>\n"
      if index == 0 { svg += text(shade.name, place(x: from) + 4, Chart.top + 11, "start", "small") }
    }
    return svg
  }

  private func draw(_ strip: Strip, _ row: Int) -> String {
    let y = Chart.height + Double(row) * Chart.strip
    let height = number(Chart.strip - 3)
    func bar(_ from: Double, _ to: Double, _ style: String, _ opacity: String, _ title: String) -> String {
      #"<rect class="\#(style)" x="\#(number(from))" y="\#(number(y))" width="\#(number(max(to - from, 1)))" "#
        + #"height="\#(height)"\#(opacity)>\#(title)</rect>"# + "\n"
    }
    let middle = number(y + (Chart.strip - 3) / 2)
    var svg = #"<path class="\#(style(strip.style, strip.dash))" d="M30 \#(middle)h30"/>"# + "\n"
    svg += bar(Chart.left, Chart.width - Chart.right, "none", "", "")
    for part in strip.parts where part.share > 0 {
      let (from, to) = (max(part.from, xRange.lowerBound), min(part.to, xRange.upperBound))
      guard from < to else { continue }
      // A few of many must still be seen.
      let opacity = #" fill-opacity="\#(Numbers.decimal(0.25 + 0.75 * part.share, digits: 2))""#
      let title =
        "\(strip.name): \(Numbers.percent(part.share)), \(Numbers.decimal(part.from, digits: 1))…"
        + "\(Numbers.decimal(part.to, digits: 1)) s"
      svg += bar(place(x: from), place(x: to), strip.style, opacity, "<title>\(title.escaped)</title>")
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
    for tick in y.ticks {
      svg += line(x1: Chart.left, y1: y.place(tick), x2: Chart.width - Chart.right, y2: y.place(tick), "grid")
      svg += text(yText(tick), Chart.left - 8, y.place(tick) + 4, "end", "axis")
    }
    for tick in Chart.ticks(xRange) where xRange.contains(tick) {
      let x = place(x: tick)
      svg += line(x1: x, y1: Chart.height - Chart.bottom, x2: x, y2: Chart.height - Chart.bottom + 4, "grid")
      svg += text(
        Numbers.decimal(tick, digits: tick.rounded() == tick ? 0 : 1), x, Chart.height - Chart.bottom + 18,
        "middle", "axis")
    }
    svg += text(xLabel, Chart.width - Chart.right, Chart.height - 8, "end", "axis")
    svg += text(yLabel, 4, 14, "start", "axis")
    return svg
  }

  private func legend() -> String {
    var svg = ""
    var x = Chart.width - Chart.right
    for entry in lines.reversed() {
      x -= Double(entry.name.count) * 6.8
      svg += text(entry.name, x, 14, "start", "small")
      x -= 30
      svg += #"<path class="\#(style(entry.style, entry.dash))" d="M\#(number(x)) 10h24"/>"# + "\n"
      x -= 14
    }
    return svg
  }

  // MARK: - Elements

  private func path(_ entry: Line, _ y: Axis) -> String {
    var d = ""
    var isDrawing = false
    var last = 0.0
    for point in entry.points {
      guard let value = point.y, xRange.contains(point.x) else {
        isDrawing = false
        continue
      }
      let (px, py) = (place(x: point.x), y.place(value))
      if isDrawing, entry.isStep { d += "H\(number(px))V\(number(py))" }
      if isDrawing, !entry.isStep { d += "L\(number(px)) \(number(py))" }
      // A lone point is a dot: a line of no length with round ends.
      if !isDrawing { d += "M\(number(px)) \(number(py))h0" }
      (isDrawing, last) = (true, px)
    }
    if entry.isStep, isDrawing, last < Chart.width - Chart.right {
      d += "H\(number(Chart.width - Chart.right))"
    }
    return
      #"<path class="\#(style(entry.style, entry.dash))" d="\#(d)"><title>\#(entry.name.escaped)</title></path>"#
      + "\n"
  }

  private func line(x1: Double, y1: Double, x2: Double, y2: Double, _ style: String) -> String {
    #"<path class="\#(style)" d="M\#(number(x1)) \#(number(y1))L\#(number(x2)) \#(number(y2))"/>"# + "\n"
  }

  private func text(_ text: String, _ x: Double, _ y: Double, _ anchor: String, _ style: String) -> String {
    #"<text class="\#(style)" x="\#(number(x))" y="\#(number(y))" text-anchor="\#(anchor)">\#(text.escaped)</text>"#
      + "\n"
  }

  /// One digit behind the point is a tenth of a pixel.
  private func number(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    return tenths.isMultiple(of: 10)
      ? String(tenths / 10) : "\(tenths < 0 ? "-" : "")\(abs(tenths) / 10).\(abs(tenths) % 10)"
  }
}

extension String {
  /// As text or an attribute's value in HTML.
  var escaped: String {
    var result = ""
    for scalar in unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
