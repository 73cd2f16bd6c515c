import Terminal

/// Draws the matrix as `docs/matrix.svg`: one half an architecture, one below the other, as wide as a README.
package struct MatrixDrawing {
  let matrix: Matrix

  package init(_ matrix: Matrix) { self.matrix = matrix }

  private static let width = 830.0
  private static let edge = 14.0
  private static let cellHeight = 25.0
  private static let gap = 3.0
  private static let small = Style.textSize

  /// Where the cells begin: behind the longest name of a fault.
  private var left: Double {
    let names = matrix.rows.map { TextWidth.of(MatrixText.fault($0.fault), size: Style.textSize) }
    return MatrixDrawing.edge + (names.max() ?? 0) + 10
  }

  private var cell: (width: Double, height: Double) {
    let room = MatrixDrawing.width - MatrixDrawing.edge - left
    return (room / Double(Matrix.uses.count), MatrixDrawing.cellHeight)
  }

  /// Rows of one part, or those of a part that an architecture does not have in one.
  private enum Line {
    case row(Matrix.Row)
    case unaffected(target: String, faults: Int)
  }

  package var svg: String {
    let edge = MatrixDrawing.edge
    var y = edge
    var body = SVG.text("What people can still do while one thing is broken", edge, y + 13, "start", "title")
    y += 34
    for architecture in Matrix.architectures {
      body += half(architecture, from: &y)
      y += 22
    }
    body += legend(from: &y)
    y += 4
    let conditions = MatrixText.conditions(matrix).joined(separator: " ")
    for text in TextWidth.lines(conditions, size: Style.textSize, within: MatrixDrawing.width - 2 * edge) {
      body += SVG.text(text, edge, y + 12)
      y += 17
    }
    return SVG.file(
      SVG.root(
        width: MatrixDrawing.width, height: y + 8,
        #"aria-label="Share of good answers by fault, use and architecture""#, body))
  }

  private func half(_ architecture: String, from y: inout Double) -> String {
    let (left, cell) = (left, cell)
    let title = Matrix.title(of: architecture)
    var svg = SVG.text(
      title.prefix(1).uppercased() + title.dropFirst(), MatrixDrawing.edge, y + 13, "start", "title")
    for (column, use) in Matrix.uses.enumerated() {
      svg += SVG.text(
        use.title, left + Double(column) * cell.width + 8, y + 13, "start", "strong")
    }
    y += 22
    var target: String?
    for line in lines(architecture) {
      switch line {
      case .row(let row):
        if let target, target != row.target { y += 7 }
        target = row.target
        svg += SVG.text(MatrixText.fault(row.fault), left - 10, y + 16, "end", "ink")
        for (column, use) in Matrix.uses.enumerated() {
          svg += draw(row.entry(architecture, use.group), left + Double(column) * cell.width, y)
        }
      case .unaffected(let part, let faults):
        if let target, target != part { y += 7 }
        target = part
        let label = "\(MatrixText.fault(part)) (\(faults) \(faults == 1 ? "fault" : "faults"))"
        svg += SVG.text(label, left - 10, y + 16, "end", "ink")
        svg += box(left, y, cell.width * Double(Matrix.uses.count), .unaffected)
        svg += SVG.text(
          "unaffected: the \(architecture) has no \(MatrixText.fault(part))", left + 28, y + 16, "start",
          "ink")
      }
      y += cell.height
    }
    return svg
  }

  /// The rows of an architecture; those of a part that it does not have are one.
  private func lines(_ architecture: String) -> [Line] {
    var lines: [Line] = []
    for row in matrix.rows {
      guard row.entry(architecture, Matrix.uses[0].group) == .unaffected else {
        lines.append(.row(row))
        continue
      }
      if case .unaffected(target: row.target, let faults)? = lines.last {
        lines[lines.count - 1] = .unaffected(target: row.target, faults: faults + 1)
      } else {
        lines.append(.unaffected(target: row.target, faults: 1))
      }
    }
    return lines
  }

  /// A symbol, the share, a clock where the good answers were slow, and at the end when the last failed request was due.
  private func draw(_ entry: Matrix.Entry, _ x: Double, _ y: Double) -> String {
    let kind = MatrixText.Kind(entry)
    let ink = kind == .most ? "onbad" : "ink"
    let svg = box(x, y, self.cell.width, kind)
    guard case .cell(let cell) = entry else {
      return svg + SVG.text("not measured", x + 28, y + 16, "start", ink)
    }
    let share = MatrixText.share(cell)
    var all = svg + SVG.text(share, x + 28, y + 16, "start", kind == .most ? "strong onbad" : "strong")
    if cell.isSlow, kind != .slow {
      let end = x + 28 + TextWidth.of(share, size: Style.textSize, isBold: true)
      all += symbol(.slow, end + 9, y + 11, ink)
    }
    if let recovery = MatrixText.recovery(cell) {
      all += SVG.text(recovery, x + self.cell.width - 9, y + 16, "end", ink)
    }
    return all
  }

  private func box(_ x: Double, _ y: Double, _ width: Double, _ kind: MatrixText.Kind) -> String {
    let style =
      switch kind {
      case .unharmed: "good"
      case .slow, .some, .unclear: "fair"
      case .most: "bad"
      case .unaffected: "unaffected"
      case .gap: "gap"
      }
    let gap = MatrixDrawing.gap
    return SVG.rect(x, y, width - gap, MatrixDrawing.cellHeight - gap, style, more: #" rx="4""#)
      + symbol(kind, x + 15, y + 11, kind == .most ? "onbad" : "")
  }

  /// Drawn, and no letter, which not every font has.
  private func symbol(_ kind: MatrixText.Kind, _ x: Double, _ y: Double, _ ink: String) -> String {
    func at(_ x: Double, _ y: Double) -> String { "M\(SVG.number(x)) \(SVG.number(y))" }
    func circle(_ r: Double) -> String {
      let (radius, width) = (SVG.number(r), SVG.number(2 * r))
      return at(x - r, y) + "a\(radius) \(radius) 0 1 0 \(width) 0a\(radius) \(radius) 0 1 0 -\(width) 0"
    }
    let d =
      switch kind {
      case .unharmed: at(x - 4.5, y + 0.5) + "l3 3.5l6 -8"
      case .slow: circle(5) + at(x, y - 3) + "v3l2.4 1.6"
      case .unclear: at(x - 5, y + 1) + "q2.5 -4.5 5 -1t5 -1"
      case .some: at(x, y - 4.5) + "l5 9h-10z"
      case .most: at(x - 4, y - 4) + "l8 8" + at(x + 4, y - 4) + "l-8 8"
      case .unaffected: circle(4.5)
      case .gap: at(x - 3, y - 2) + "a3 3 0 1 1 4.5 2.5q-1.5 1 -1.5 2.5" + at(x, y + 5.5) + "h0"
      }
    return SVG.path(d, ink == "onbad" ? "symbol onbad" : "symbol")
  }

  /// A swatch of each kind that is in the picture, and what the seconds mean.
  private func legend(from y: inout Double) -> String {
    let entries = Matrix.architectures.flatMap { architecture in
      matrix.rows.flatMap { row in Matrix.uses.map { row.entry(architecture, $0.group) } }
    }
    let found = Set(entries.map(MatrixText.Kind.init))
    var svg = ""
    var x = MatrixDrawing.edge
    func add(_ width: Double, _ text: String, _ swatch: (Double, Double) -> String) {
      let all = width + 8 + TextWidth.of(text, size: Style.textSize)
      if x > MatrixDrawing.edge, x + all > MatrixDrawing.width - MatrixDrawing.edge {
        x = MatrixDrawing.edge
        y += MatrixDrawing.cellHeight + 1
      }
      svg += swatch(x, y) + SVG.text(text, x + width + 8, y + 16, "start", "ink")
      x += all + 20
    }
    for kind in MatrixText.Kind.allCases where found.contains(kind) {
      add(30, kind.words) { box($0, $1, 33, kind) }
    }
    add(42, "the last failed request was due this long after the fault’s end") {
      SVG.text("+1.2 s", $0, $1 + 16, "start", "strong")
    }
    if entries.contains(where: { if case .cell(let cell) = $0 { !cell.isRecovered } else { false } }) {
      add(46, "the last request of all, due this long after it, failed") {
        SVG.text("> 1.2 s", $0, $1 + 16, "start", "strong")
      }
    }
    y += MatrixDrawing.cellHeight + 4
    return svg
  }
}
