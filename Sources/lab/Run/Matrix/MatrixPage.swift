import Terminal

/// `docs/matrix.md`: the matrix as tables, under its picture.
package struct MatrixPage {
  let matrix: Matrix
  let results: [ExperimentResult]

  package init(_ matrix: Matrix, _ results: [ExperimentResult]) {
    (self.matrix, self.results) = (matrix, results)
  }

  package var markdown: String {
    """
    # How far failures spread

    One thing is broken at a time while people come at a steady rate. Each cell says which share of the answers was good
    while it was broken, and how many seconds after its end the last bad answer came (✓: none; "not within": whoever asked
    last, so long after it, still got one). 🟢 nearly all good, 🟡 some bad or much slower, 🔴 most bad or not recovered,
    · the architecture has no such part, ⚪ not measured in every round.

    ![The failure-propagation matrix](matrix.svg)

    \(Matrix.architectures.map(table).joined(separator: "\n\n"))

    ## Where the event-driven version is worse

    \(worse)

    ## Where these figures come from

    \(sources)

    "Good" is: a coupon, "already yours" or "sold out" for whoever asks for one; "sold out" for a policy that was sold out
    before; the own coupon for its holder; the stays; a booking (a full stay is an answer, too). Everybody asks once: what
    retries mend is not mended here. Made by `lab report --matrix`.

    """
  }

  private func table(_ architecture: String) -> String {
    var lines = [
      "**\(architecture)**", "", "| | \(Matrix.uses.map(\.title).joined(separator: " | ")) |",
      "|---|\(Matrix.uses.map { _ in "---:|" }.joined())",
    ]
    for row in matrix.rows {
      let cells = Matrix.uses.map { MatrixPage.text(row.entry(architecture, $0.group), marked: true) }
      lines.append("| \(row.fault) | \(cells.joined(separator: " | ")) |")
    }
    return lines.joined(separator: "\n")
  }

  /// `🟢 100 % ✓`, `🔴 3 %, 1.2 s`, `🔴 3 %, not within 3.5 s`.
  static func text(_ entry: Matrix.Entry, marked: Bool) -> String {
    let cell: Matrix.Cell
    switch entry {
    case .noSuchPart: return "·"
    case .gap: return marked ? "⚪ not measured" : "not measured"
    case .cell(let found): cell = found
    }
    let mark = marked ? ["good": "🟢 ", "fair": "🟡 ", "bad": "🔴 "][cell.colour.rawValue] ?? "" : ""
    // Never rounded up to all.
    let share = cell.good < 1 ? min(cell.good, 0.999) : 1
    let percent = Numbers.decimal(share * 100, digits: share < 1 && share > 0.99 ? 1 : 0) + " %"
    return mark + percent + (cell.isSlow ? " slow" : "") + text(cell.recovery)
  }

  private static func text(_ recovery: Matrix.Cell.Recovery?) -> String {
    switch recovery {
    case nil: ""
    case .after(let seconds) where seconds <= 0: " ✓"
    // Never rounded down to nothing.
    case .after(let seconds): ", \(Numbers.decimal(max(seconds, 0.1), digits: 1)) s"
    case .notWithin(let seconds): ", not within \(Numbers.decimal(seconds, digits: 1)) s"
    }
  }

  private var worse: String {
    let cells = matrix.whereEdaIsWorse
    guard !cells.isEmpty else { return "In no cell of these runs." }
    return cells.map { "- **\($0.fault)**, \($0.use): \($0.reasons.joined(separator: "; "))" }
      .joined(separator: "\n")
  }

  private var sources: String {
    results.filter { matrix.sources.contains($0.name) }.map { result in
      "- [\(result.name)](../experiments/\(result.name)/result.json): "
        + "\(result.rounds) \(result.rounds == 1 ? "round" : "rounds"), seed `\(result.seed)`, "
        + "\(result.machine.cores) cores of \(result.machine.processor), \(result.createdAt.prefix(10)), "
        + "commit `\(result.commit)`"
    }.joined(separator: "\n")
  }
}

/// `docs/matrix.svg`: the same, coloured.
package struct MatrixDrawing {
  let matrix: Matrix

  package init(_ matrix: Matrix) { self.matrix = matrix }

  private static let left = 190.0
  private static let cell = (width: 136.0, height: 30.0)
  private static let gap = 18.0
  private static let top = 58.0

  package var svg: String {
    let block = MatrixDrawing.cell.width * Double(Matrix.uses.count)
    let width = Int(MatrixDrawing.left + 2 * block + MatrixDrawing.gap + 12)
    let height = Int(MatrixDrawing.top + Double(matrix.rows.count) * MatrixDrawing.cell.height + 12)
    var body = ""
    for (index, architecture) in Matrix.architectures.enumerated() {
      let x = MatrixDrawing.left + Double(index) * (block + MatrixDrawing.gap)
      body += text(architecture, x + block / 2, 22, "middle", "strong")
      for (column, use) in Matrix.uses.enumerated() {
        body += text(use.title, x + (Double(column) + 0.5) * MatrixDrawing.cell.width, 46, "middle", "")
      }
      for (line, row) in matrix.rows.enumerated() {
        let y = MatrixDrawing.top + Double(line) * MatrixDrawing.cell.height
        if index == 0 { body += text(row.fault, MatrixDrawing.left - 10, y + 19, "end", "strong") }
        for (column, use) in Matrix.uses.enumerated() {
          body += draw(row.entry(architecture, use.group), x + Double(column) * MatrixDrawing.cell.width, y)
        }
      }
    }
    return StandaloneSVG.wrap(
      """
      <svg viewBox="0 0 \(width) \(height)" role="img" aria-label="Share of good answers by fault, use and architecture">
      \(body)</svg>
      """)
  }

  private func draw(_ entry: Matrix.Entry, _ x: Double, _ y: Double) -> String {
    let (shape, ink) =
      switch entry {
      case .cell(let cell): (cell.colour.rawValue, "cell")
      case .gap: ("gap", "strong")
      case .noSuchPart: ("none", "")
      }
    let (width, height) = (MatrixDrawing.cell.width - 3, MatrixDrawing.cell.height - 3)
    let rect = #"<rect class="\#(shape)" x="\#(x)" y="\#(y)" width="\#(width)" height="\#(height)" rx="4"/>"#
    let label = MatrixPage.text(entry, marked: false)
    return rect + "\n" + text(label, x + width / 2, y + 18, "middle", ink)
  }

  private func text(_ text: String, _ x: Double, _ y: Double, _ anchor: String, _ style: String) -> String {
    #"<text class="\#(style)" x="\#(x)" y="\#(y)" text-anchor="\#(anchor)">\#(text.escaped)</text>"# + "\n"
  }
}
