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
    /// What the row means, for pages.
    package var help = ""
    /// Whether it is a part of the row above.
    package var isPart = false
  }

  package let columns: [String]
  package let groups: [Group]

  init(columns: [String], groups: [Group]) { (self.columns, self.groups) = (columns, groups) }
  init(columns: [String], rows: [Row]) { self.init(columns: columns, groups: [Group(rows: rows)]) }

  /// For the terminal.
  package var text: TextTable {
    var table = TextTable(head: [""] + columns)
    for group in groups {
      let indent = group.title.isEmpty ? "" : "  "
      if !group.title.isEmpty { table.rows.append([group.title]) }
      for row in group.rows {
        table.rows.append([indent + (row.isPart ? "  " : "") + row.label] + row.values)
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
        html += row.values.map { "<td>\($0.escaped)</td>" }.joined() + "</tr>"
      }
      html += "\n</tbody>\n"
    }
    return html + "</table></div>"
  }

  /// The rows of all groups.
  package var markdown: String {
    let rows = groups.flatMap(\.rows).map { "| \($0.label) | \($0.values.joined(separator: " | ")) |" }
    return
      (["| | \(columns.joined(separator: " | ")) |", "|---|\(columns.map { _ in "---:|" }.joined())"] + rows)
      .joined(separator: "\n")
  }
}
