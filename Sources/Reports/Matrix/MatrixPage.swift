package import Experiments
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
    let table = FigureTable(
      columns: Matrix.uses.map(\.title),
      rows: matrix.rows.map { row in
        .init(
          label: row.fault,
          values: Matrix.uses.map { MatrixPage.text(row.entry(architecture, $0.group), marked: true) })
      })
    return "**\(architecture)**\n\n\(table.markdown)"
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
