package import Terminal

/// Figures side by side: a column a variant, a row a figure. One table for the terminal, HTML and Markdown.
package struct FigureTable: Hashable, Sendable {
  package struct Group: Hashable, Sendable {
    /// Empty where the table has one group.
    package var title = ""
    package var rows: [Row]
  }

  package struct Row: Hashable, Sendable {
    package var label: String
    /// One a column.
    package var values: [String]
    /// What stands behind each value in brackets, as the least and the greatest of the rounds; empty, or one a column.
    package var ranges: [String] = []
    /// What the row means, for pages.
    package var help = ""
    /// Whether it is a part of the row above.
    package var isPart = false

    func range(_ column: Int) -> String? {
      guard ranges.indices.contains(column), !ranges[column].isEmpty else { return nil }
      return ranges[column]
    }

    var hasRanges: Bool { values.indices.contains { range($0) != nil } }
    /// Of the longest cell.
    var length: Int { cells.map(\.count).max() ?? 0 }

    /// Values with their ranges, one a column.
    var cells: [String] {
      values.indices.map { column in values[column] + (range(column).map { " (\($0))" } ?? "") }
    }
  }

  package let columns: [String]
  package let groups: [Group]

  init(columns: [String], groups: [Group]) { (self.columns, self.groups) = (columns, groups) }
  init(columns: [String], rows: [Row]) { self.init(columns: columns, groups: [Group(rows: rows)]) }

  /// For the terminal: within its usual 80 columns as far as the values let it. Where a row would be too long, its ranges
  /// stand below its values.
  package var text: TextTable {
    let rows = groups.flatMap(\.rows)
    var folded: Set<Int> = []
    var table = text(folded: folded)
    while table.lines.contains(where: { $0.count > 80 }) {
      let longest = rows.indices.filter { !folded.contains($0) && rows[$0].hasRanges }.max {
        rows[$0].length < rows[$1].length
      }
      guard let longest else { break }
      folded.insert(longest)
      table = text(folded: folded)
    }
    return table
  }

  /// - Parameter folded: rows by their number among those of all groups.
  private func text(folded: Set<Int>) -> TextTable {
    var table = TextTable(head: [""] + columns)
    var number = 0
    for group in groups {
      let indent = group.title.isEmpty ? "" : "  "
      if !group.title.isEmpty { table.rows.append([group.title]) }
      for row in group.rows {
        let isFolded = folded.contains(number)
        number += 1
        let label = indent + (row.isPart ? "  " : "") + row.label
        table.rows.append([label] + (isFolded ? row.values : row.cells))
        guard isFolded else { continue }
        table.rows.append([""] + row.values.indices.map { row.range($0).map { "(\($0))" } ?? "" })
      }
    }
    return table
  }

  package var html: String {
    var html = """
      <div class="scroll"><table>
      <thead><tr><td></td>\(columns.map { #"<th scope="col">\#($0.escaped)</th>"# }.joined())</tr></thead>

      """
    for group in groups {
      html += "<tbody>"
      if !group.title.isEmpty {
        html += #"<tr class="group"><th colspan="\#(columns.count + 1)" scope="rowgroup">"#
        html += group.title.escaped + "</th></tr>"
      }
      for row in group.rows {
        let help = row.help.isEmpty ? "" : #" <small>\#(row.help.escaped)</small>"#
        html +=
          #"\#n<tr\#(row.isPart ? #" class="part""# : "")><th scope="row">\#(row.label.escaped)\#(help)</th>"#
        html += row.values.indices.map { column in
          let range = row.range(column).map { " <small>\($0.escaped)</small>" } ?? ""
          return "<td>\(row.values[column].escaped)\(range)</td>"
        }.joined()
        html += "</tr>"
      }
      html += "\n</tbody>\n"
    }
    return html + "</table></div>"
  }

  /// The rows of all groups.
  package var markdown: String {
    let rows = groups.flatMap(\.rows).map { "| \($0.label) | \($0.cells.joined(separator: " | ")) |" }
    return
      (["| | \(columns.joined(separator: " | ")) |", "|---|\(columns.map { _ in "---:|" }.joined())"] + rows)
      .joined(separator: "\n")
  }
}
