import Experiments
import Terminal

/// The page and the picture of a result of `lab bench`, and its tables for the terminal.
package struct BenchPage {
  private let result: BenchResult

  package init(_ result: BenchResult) { self.result = result }

  // MARK: - Tables

  private func table(_ section: BenchSection) -> FigureTable {
    let figures = result.figures.filter { $0.section == section }
    let measures = BenchMeasure.allCases.filter { measure in figures.contains { $0.measure == measure } }
    var rows: [(part: String, contestant: String)] = []
    for figure in figures where !rows.contains(where: { $0 == (figure.part, figure.contestant) }) {
      rows.append((figure.part, figure.contestant))
    }
    return FigureTable(
      columns: measures.map(\.title),
      rows: rows.map { part, contestant in
        FigureTable.Row(
          label: "\(part): \(contestant)",
          values: measures.map { measure in
            figures.first { ($0.part, $0.contestant, $0.measure) == (part, contestant, measure) }?.text ?? "–"
          })
      })
  }

  private func ratios(_ section: BenchSection) -> FigureTable? {
    let those = result.ratios.filter { $0.section == section }
    guard !those.isEmpty else { return nil }
    return FigureTable(
      columns: ["median (least…greatest)", "expected"],
      rows: those.map { .init(label: $0.title, values: [$0.text, $0.verdict]) })
  }

  package var lines: [String] {
    var lines: [String] = []
    for section in result.sections {
      lines += [section.title, ""] + table(section).text.lines + [""]
      if let ratios = ratios(section) { lines += ratios.text.lines + [""] }
    }
    return lines + result.skipped.map { "not measured: \($0)" }
  }

  package var markdown: String {
    let tables = result.sections.map { section in
      (["**\(section.title)**", table(section).markdown] + [ratios(section)?.markdown].compactMap { $0 })
        .joined(separator: "\n\n")
    }
    return tables.joined(separator: "\n\n") + "\n"
  }

  // MARK: - Page and picture

  package var html: String {
    let sections = result.sections.map { section in
      let chart = BenchPage.chart(of: section, result.figures)
      let picture = chart.isEmpty ? "" : chart.svg
      let ratios = ratios(section).map { "<h3>Ratios within a round</h3>\n\($0.html)" } ?? ""
      return """
        <section><h2>\(section.title.escaped)</h2>
        \(picture)
        \(table(section).html)
        \(ratios)
        </section>
        """
    }
    let warning =
      result.isQuick
      ? #"<p class="warning">A quick run: it shows that everything works; its figures say little.</p>"# : ""
    let skipped = result.skipped.map { "<li>\($0.escaped)</li>" }.joined()
    return HTMLPage.wrap(
      title: "lab bench, \(result.createdAt)",
      """
      <p class="kicker">lab bench</p>
      <h1>What a request, a start and a drain cost</h1>
      <p>\(provenance.escaped)</p>
      \(warning)
      \(sections.joined(separator: "\n"))
      \(skipped.isEmpty ? "" : "<section><h2>Not measured</h2><ul>\(skipped)</ul></section>")
      """)
  }

  private var provenance: String {
    let machine = result.machine
    let versions = result.versions.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
    let seconds = Numbers.decimal(result.seconds, digits: result.seconds.rounded() == result.seconds ? 0 : 1)
    return "\(result.createdAt), commit \(result.commit), \(machine.cores) cores of \(machine.processor), "
      + "\(Numbers.bytes(machine.memoryBytes)), \(machine.system); \(versions.joined(separator: ", ")). "
      + "\(result.rounds) \(result.rounds == 1 ? "round" : "rounds") of \(seconds) s, contestants in turn; medians, and in "
      + "brackets the least and the greatest. The load shares the machine. Only ratios within this run mean anything."
  }

  /// Rates of everything that has one, for `docs/performance.svg`.
  package var svg: String {
    BenchChart.file(
      result.sections.map { BenchPage.chart(of: $0, result.figures) }, label: "What lab bench has measured")
  }

  private static func chart(of section: BenchSection, _ figures: [BenchFigure]) -> BenchChart {
    let measure = section == .memory ? BenchMeasure.bytes : .rate
    return BenchChart(
      "\(section.title) (\(measure.title))", figures.filter { $0.section == section }, measure)
  }
}
