import Figures
import Terminal

extension TrialCharts {
  var answers: Chart {
    func perSecond(_ trial: Drawn, _ counts: [Int]) -> [Double?] {
      counts.map { Double($0) / trial.series.sliceSeconds }
    }
    var lines = trials.map { line($0, "answered", perSecond($0, $0.series.settled)) }
    if let first = trials.first {
      var due = line(first, "", perSecond(first, first.series.due))
      (due.name, due.style, due.dash) = ("people arriving", "due", .dashed)
      lines.insert(due, at: 0)
    }
    return Chart(
      title: "Arrivals and answers",
      description: "People who arrive and requests that are answered, a second.",
      yLabel: "a second", scale: .linear, lines: lines, shades: shades, runs: trials.count,
      xRange: crowdRange, yText: { Numbers.decimal($0, digits: 0) })
  }
}
