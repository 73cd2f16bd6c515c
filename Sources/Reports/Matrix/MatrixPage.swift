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

    ![How far failures spread: what people can still do while one thing is broken](matrix.svg)

    \(MatrixText.conditions(matrix).joined(separator: "\n"))

    In the tables: \(MatrixText.legend.map { "\($0.mark) \($0.words)" }.joined(separator: ", ")); *+1.2 s*: the last bad
    answer came so long after the fault's end; *> 3.5 s*: whoever asked last, so long after it, still got one.

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
          label: MatrixText.fault(row.fault),
          values: Matrix.uses.map { MatrixText.cell(row.entry(architecture, $0.group)) })
      })
    return "**\(Matrix.title(of: architecture))**\n\n\(table.markdown)"
  }

  private var worse: String {
    let cells = matrix.whereEdaIsWorse
    guard !cells.isEmpty else { return "In no cell of these runs." }
    return cells.map {
      "- **\(MatrixText.fault($0.fault))**, \($0.use): \($0.reasons.joined(separator: "; "))"
    }
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
