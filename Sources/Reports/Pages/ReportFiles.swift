import Experiments
import Figures
import Foundation
import Terminal

/// A report on disk: `report.json` with every figure, `report.html` drawn from it.
package struct ReportFiles {
  package let folder: String

  package init(folder: String) { self.folder = folder }

  package var json: String { folder + "/report.json" }
  package var page: String { folder + "/report.html" }
  /// The failure-propagation matrix, where `lab report --matrix` has drawn one.
  package var matrix: String { folder + "/matrix.svg" }

  package func write(_ report: Report) throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try WholeFile.write(json: report, to: json)
    try draw(report)
  }

  package func draw(_ report: Report) throws {
    let matrix = FileManager.default.contents(atPath: matrix)?.base64EncodedString()
    try WholeFile.write(ReportPage(report, matrix: matrix).html, to: page)
  }

  /// - Throws: `LabFailure`.
  package func read() throws -> Report {
    guard let data = FileManager.default.contents(atPath: json) else {
      throw LabFailure("there is no \(json); lab demo writes one")
    }
    struct Version: Decodable { let formatVersion: Int }
    guard let version = try? JSONDecoder().decode(Version.self, from: data) else {
      throw LabFailure("\(json) is no report")
    }
    guard version.formatVersion == Report.version,
      let report = try? JSONDecoder().decode(Report.self, from: data)
    else {
      throw LabFailure("\(json) was written by another version of lab (format \(version.formatVersion))")
    }
    return report
  }

  /// The table and what must be known before it is believed.
  package static func show(_ report: Report) {
    for line in FigureTable(report).text.lines { Terminal.line(line) }
    Terminal.line()
    for warning in report.warnings { Terminal.line("! " + warning) }
    for run in report.runs where !run.verified {
      for finding in run.findings where finding.isBroken {
        Terminal.line(
          "! \(run.architecture) \(finding.invariant) \(finding.verdict): \(finding.title): \(finding.detail)"
        )
      }
    }
  }
}
