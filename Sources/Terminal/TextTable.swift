/// Columns of text, the first to the left and the others to the right.
package struct TextTable: Hashable, Sendable {
  package var head: [String]
  /// A row without cells is a line between groups, with its title.
  package var rows: [[String]]

  package init(head: [String], rows: [[String]] = []) { (self.head, self.rows) = (head, rows) }

  package var lines: [String] {
    let all = [head] + rows.filter { $0.count > 1 }
    let widths = head.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
    let width = widths.reduce(0, +) + 2 * (widths.count - 1)
    var lines = [line(head, widths), String(repeating: "─", count: width)]
    for row in rows {
      if row.count > 1 {
        lines.append(line(row, widths))
      } else {
        lines.append("")
        lines.append(row.first ?? "")
      }
    }
    return lines
  }

  private func line(_ cells: [String], _ widths: [Int]) -> String {
    let padded = zip(cells, widths).enumerated().map { column, cell in
      column == 0 ? cell.0.padded(to: cell.1) : cell.0.padded(to: cell.1, right: true)
    }
    let text = padded.joined(separator: "  ")
    return String(text.reversed().drop { $0 == " " }.reversed())
  }
}
