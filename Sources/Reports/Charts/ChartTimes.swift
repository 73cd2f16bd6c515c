import Terminal

/// The times that a chart marks: the faults of all runs as shades, moments as upright lines. Their names stand above the
/// plot; where they have no room in one row, numbers do, and a key below says what they are.
struct ChartTimes {
  /// Faults of the same time, or a moment.
  struct Entry: Hashable {
    var from: Double
    var to: Double
    var names: [String]
    /// The runs that have it; empty for all of them.
    var runs: [String]
    var isMark: Bool

    /// With its runs: `database outage (eda)`.
    var name: String {
      names.joined(separator: " / ") + (runs.isEmpty ? "" : " (\(runs.joined(separator: ", ")))")
    }

    /// With its time: `database outage (eda), 3.0…13.0 s`.
    var whole: String {
      let ends = [from, to].map { Numbers.decimal($0, digits: 1) }
      return "\(name), \(ends[0] == ends[1] ? ends[0] : ends.joined(separator: "…")) s"
    }
  }

  /// Times as near as this to each other, as a share of what is drawn, are one: variants differ by how long a fault takes to be on.
  private static let same = 0.006
  private static let row = 16.0

  private let chart: Chart
  let entries: [Entry]

  init(_ chart: Chart) {
    self.chart = chart
    let range = chart.xRange
    let near = (range.upperBound - range.lowerBound) * ChartTimes.same
    var shades: [(entry: Entry, runs: [String])] = []
    for shade in chart.shades.sorted(by: { ($0.from, $0.to) < ($1.from, $1.to) })
    where shade.to >= range.lowerBound && shade.from <= range.upperBound {
      let index = shades.firstIndex {
        abs($0.entry.from - shade.from) <= near && abs($0.entry.to - shade.to) <= near
      }
      if let index {
        if !shades[index].entry.names.contains(shade.name) { shades[index].entry.names.append(shade.name) }
        if !shades[index].runs.contains(shade.run) { shades[index].runs.append(shade.run) }
      } else {
        let entry = Entry(from: shade.from, to: shade.to, names: [shade.name], runs: [], isMark: false)
        shades.append((entry, [shade.run]))
      }
    }
    let marks = chart.marks.filter { range.contains($0.x) }
      .map { Entry(from: $0.x, to: $0.x, names: [$0.name], runs: [], isMark: true) }
    entries =
      (marks
      + shades.map { entry, runs in
        var entry = entry
        entry.runs = runs.count < chart.runs ? runs : []
        return entry
      }).sorted { $0.from < $1.from }
  }

  /// Whether the names stand above the plot.
  private var areNamed: Bool {
    var end = -Double.infinity
    for entry in entries {
      guard start(entry) >= end else { return false }
      end = start(entry) + TextWidth.of(entry.name, size: Style.textSize) + 10
    }
    return true
  }

  /// Where a name begins: at its time, or so that it ends within the chart.
  private func start(_ entry: Entry) -> Double {
    let width = TextWidth.of(entry.name, size: Style.textSize)
    return max(8, min(x(entry.from) + 2, Chart.right - width))
  }

  private func x(_ time: Double) -> Double {
    chart.place(x: min(max(time, chart.xRange.lowerBound), chart.xRange.upperBound))
  }

  /// Shades, lines and their names or numbers; `y` becomes the plot's top.
  func tags(from y: inout Double, height: Double) -> String {
    guard !entries.isEmpty else {
      y += 6
      return ""
    }
    var svg = ""
    if areNamed {
      for entry in entries { svg += SVG.text(entry.name, start(entry), y + 11, "start", "ink") }
      y += ChartTimes.row
    } else {
      // A number that has no room beside the one before goes a row higher.
      var rows: [Double] = []
      var places: [(text: String, x: Double, row: Int)] = []
      for (index, entry) in entries.enumerated() {
        let text = String(index + 1)
        let half = TextWidth.of(text, size: Style.textSize) / 2 + 2
        let middle = (x(entry.from) + x(entry.to)) / 2
        let row = rows.firstIndex { $0 <= middle - half } ?? rows.count
        if row == rows.count { rows.append(0) }
        rows[row] = middle + half
        places.append((text, middle, row))
      }
      for place in places {
        let up = Double(rows.count - 1 - place.row)
        svg += SVG.text(place.text, place.x, y + 11 + up * ChartTimes.row, "middle", "ink")
      }
      y += Double(rows.count) * ChartTimes.row
    }
    return svg + entries.map { draw($0, y, height) }.joined()
  }

  private func draw(_ entry: Entry, _ top: Double, _ height: Double) -> String {
    let (from, to) = (x(entry.from), x(entry.to))
    if entry.isMark { return SVG.line(from, top, from, top + height, "mark") }
    // What takes no time is a line, too.
    guard to - from >= 1.5 else {
      return SVG.path(
        "M\(SVG.number(from)) \(SVG.number(top))v\(SVG.number(height))", "instant", title: entry.whole)
    }
    return SVG.rect(from, top, to - from, height, "shade", title: entry.whole)
  }

  /// What the numbers are, in columns.
  func key(from y: inout Double) -> String {
    guard !areNamed else { return "" }
    let texts = entries.enumerated().map { "\($0.offset + 1)  \($0.element.whole)" }
    let widest = texts.map { TextWidth.of($0, size: Style.textSize) }.max() ?? 0
    let room = Chart.width - 24
    let columns = max(1, Int(room / (widest + 16)))
    let rows = (texts.count + columns - 1) / columns
    var svg = ""
    y += 6
    for (index, text) in texts.enumerated() {
      let x = 12 + Double(index / rows) * room / Double(columns)
      svg += SVG.text(text, x, y + 12 + Double(index % rows) * ChartTimes.row)
    }
    y += Double(rows) * ChartTimes.row
    return svg
  }

  /// What is marked, in words for a caption; nil where nothing is shaded.
  var words: String? {
    let faults = entries.filter { !$0.isMark }.map(\.whole)
    return faults.isEmpty ? nil : faults.joined(separator: "; ")
  }
}
