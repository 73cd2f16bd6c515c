import Experiments
package import Figures
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
  package func read() throws -> Report { try ReportFiles.read(json) }

  /// - Throws: `LabFailure`.
  package static func read(_ json: String) throws -> Report {
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

  /// What one run has shown, in a line.
  package static func line(_ run: TrialFigures) -> String {
    let p99 = [run.waits.winners, run.waits.soldOut, run.bystander.during.latency].map(\.p99Ms)
    let text = zip(["winners", "sold-out", "bystander"], p99).map { who, ms in
      "\(who) \(Numbers.duration(milliseconds: ms))"
    }
    return "\(run.verified ? "verified" : "NOT VERIFIED"); p99 of \(text.joined(separator: ", "))"
  }

  /// The table and what must be known before it is believed.
  package static func show(_ report: Report) {
    if report.rounds > 1 {
      Terminal.line("Medians of \(report.rounds) rounds (least…greatest); latencies of good answers only")
    }
    for line in FigureTable(report).text.lines { Terminal.line(line) }
    Terminal.line()
    for line in report.warnings.flatMap({ "! \($0)".wrapped(indent: "  ") }) { Terminal.line(line) }
    for column in report.columns {
      for (round, run) in column.runs.enumerated() where !run.verified {
        let place = report.rounds > 1 ? "\(column.title), round \(round + 1)" : column.title
        for finding in run.findings where finding.isBroken {
          Terminal.line(
            "! \(place): \(finding.invariant) \(finding.verdict): \(finding.title): \(finding.detail)")
        }
      }
    }
  }
}
