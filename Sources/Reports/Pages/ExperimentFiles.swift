package import Experiments
import Foundation

/// The result of an experiment on disk: `result.json`, `RESULT.md` and its charts.
package struct ExperimentFiles {
  private let folder: String

  package init(folder: String) { self.folder = folder }

  /// - Returns: the page's path.
  package func write(
    _ result: ExperimentResult, _ trials: [ChartedTrial]
  ) throws -> String {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try result.write(folder + "/result.json")
    let charts = ExperimentFiles.charts(result, trials)
    for (name, svg) in charts { try WholeFile.write(svg, to: "\(folder)/\(name)") }
    // What is left of an earlier run shows other figures.
    for name in ["coupons.svg", "bystander.svg", "figures.svg"]
    where !charts.contains(where: { $0.name == name }) {
      try? FileManager.default.removeItem(atPath: "\(folder)/\(name)")
    }
    let page = folder + "/RESULT.md"
    try WholeFile.write(ExperimentPage(result: result, charts: charts.map(\.name)).markdown, to: page)
    return page
  }

  /// Each a file of its own that follows the reader's light or dark scheme.
  package static func charts(_ result: ExperimentResult, _ trials: [ChartedTrial]) -> [(
    name: String, svg: String
  )] {
    let bars = BarChart(result)
    return TrialCharts(trials).ofFiles.map { ("\($0.name).svg", SVG.file($0.chart.svg(id: $0.name))) }
      + (bars.isEmpty ? [] : [("figures.svg", SVG.file(bars.svg))])
  }
}
