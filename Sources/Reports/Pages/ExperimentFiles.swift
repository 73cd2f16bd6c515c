package import Experiments
import Foundation

/// The result of an experiment on disk: `result.json`, `RESULT.md` and its charts.
package struct ExperimentFiles {
  private static let names = ["coupons.svg", "bystander.svg", "figures.svg"]

  /// The folder, in that of an experiment, of its result on an installed Kafka.
  package static let onInstalledKafka = "kafka"

  private let folder: String

  package init(folder: String) { self.folder = folder }

  /// - Returns: the page's path.
  package func write(
    _ result: ExperimentResult, _ trials: [ChartedTrial]
  ) throws -> String {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    var kept = result
    kept.firstRound = TrialCharts(trials).kept
    try kept.write(folder + "/result.json")
    return try draw(kept)
  }

  /// Page and charts of what `result.json` holds.
  ///
  /// - Returns: the page's path.
  package func draw(_ result: ExperimentResult) throws -> String {
    var pictures = ExperimentFiles.pictures(result)
    for picture in pictures { try WholeFile.write(picture.svg, to: "\(folder)/\(picture.name)") }
    let others = ExperimentFiles.names.filter { name in !pictures.contains { $0.name == name } }
    for name in others {
      let path = "\(folder)/\(name)"
      guard FileManager.default.fileExists(atPath: path) else { continue }
      if name != "figures.svg", ExperimentFiles.isWithoutSeries(result) {
        pictures.append(Picture(name: name, svg: "", caption: "First round, as it was drawn then."))
      } else {
        // What is left of an earlier run shows other figures.
        try? FileManager.default.removeItem(atPath: path)
      }
    }
    let page = folder + "/RESULT.md"
    try WholeFile.write(ExperimentPage(result: result, pictures: pictures, root: root).markdown, to: page)
    return page
  }

  /// The way from the page to the project's root.
  private var root: String {
    folder.hasSuffix("/\(ExperimentFiles.onInstalledKafka)") ? "../../.." : "../.."
  }

  /// Whether it was written when the rounds over time were not kept: its charts of them cannot be drawn anew.
  private static func isWithoutSeries(_ result: ExperimentResult) -> Bool {
    result.firstRound == nil && result.variants.count <= Chart.Dash.allCases.count
  }

  /// Each a file of its own.
  package static func pictures(_ result: ExperimentResult) -> [Picture] {
    let charts = TrialCharts(result).ofFiles.map { name, chart in
      let faults = ChartTimes(chart).words.map { " Shaded: \($0)." } ?? ""
      return Picture(
        name: "\(name).svg", svg: SVG.file(chart.svg(id: name, isTitled: true)),
        caption: "\(chart.title). \(chart.description)\(faults)")
    }
    let bars = BarChart(result)
    let rounds = result.rounds == 1 ? "One round" : "Medians of \(result.rounds) rounds"
    return charts
      + (bars.isEmpty
        ? []
        : [
          Picture(
            name: "figures.svg", svg: SVG.file(bars.svg),
            caption: "\(rounds), by variant: \(bars.panels.map(\.title).joined(separator: "; ")).")
        ])
  }
}
