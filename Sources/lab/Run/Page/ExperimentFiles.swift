import Foundation

/// The result of an experiment on disk: `result.json`, `RESULT.md` and its charts.
struct ExperimentFiles {
  let folder: String

  /// - Returns: the page's path.
  func write(
    _ result: ExperimentResult, _ series: [ChartedRun]
  ) throws -> String {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try result.write(folder + "/result.json")
    let charts = ExperimentCharts(result: result, series: series).all
    for (name, svg) in charts { try put(svg, name) }
    // What is left of an earlier run shows other figures.
    for name in ExperimentCharts.names where !charts.contains(where: { $0.name == name }) {
      try? FileManager.default.removeItem(atPath: "\(folder)/\(name)")
    }
    let page = ExperimentPage(result: result, charts: charts.map(\.name))
    try put(page.markdown, "RESULT.md")
    return folder + "/RESULT.md"
  }

  private func put(_ text: String, _ name: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)"), options: .atomic)
  }
}
