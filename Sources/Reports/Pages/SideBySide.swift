import Figures
import Terminal

extension FigureTable {
  /// The table of a report: a column a variant, medians with the least and the greatest of the rounds.
  package init(_ report: Report) {
    let groups = ReportFigure.groups(of: report.columns.flatMap(\.runs)).map { group in
      Group(
        title: group.title,
        rows: group.figures.map { FigureTable.row($0, report) }
          + (group.figures.contains { $0.key == "oversold" } ? [FigureTable.verdicts(report)] : []))
    }
    self.init(columns: report.columns.map(\.title), groups: groups)
  }

  private static func row(_ figure: ReportFigure, _ report: Report) -> Row {
    let texts = report.columns.map { column in
      SpreadText(
        column.medians[figure.key], figure.unit, rounds: report.rounds, isMarked: report.unrest != nil)
    }
    var values = texts.map(\.median)
    if figure.key == ReportFigure.lateness {
      for (index, column) in report.columns.enumerated()
      where column.runs.contains(where: \.generator.isBottleneck) {
        values[index] += " BOTTLENECK"
      }
    }
    return Row(
      label: figure.label, values: values, ranges: texts.map(\.range), help: figure.help,
      isPart: figure.isPart)
  }

  private static func verdicts(_ report: Report) -> Row {
    Row(
      label: "verified",
      values: report.columns.map { column in
        let broken = Set(column.runs.flatMap(\.findings).filter(\.isBroken).map(\.invariant))
        return column.passed ? "yes" : "NO: " + broken.sorted().joined(separator: " ")
      }, help: "the invariants, from the clients' history, the log and the database, in every round")
  }
}
