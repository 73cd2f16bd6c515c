import Foundation
package import History
import Terminal

/// `lab report --ngrinder`: the tests of both architectures side by side, as a page and as a table.
package struct NGrinderReport: Sendable {
  /// One architecture's test.
  package struct Test: Sendable {
    package let architecture: Architecture
    package let csv: NGrinderCSV
    /// When the database outage was on, in seconds since the test's first line.
    package let outage: ClosedRange<Double>?
  }

  package let runs: [Test]

  /// - Parameter outage: of both; nil: what the scripts have recorded.
  package init(monolith: NGrinderCSV, eda: NGrinderCSV, outage: ClosedRange<Double>? = nil) {
    runs = [(Architecture.monolith, monolith), (.eda, eda)].map { architecture, csv in
      Test(architecture: architecture, csv: csv, outage: outage ?? csv.outage)
    }
  }

  /// Reads both files.
  ///
  /// - Throws: `LabFailure`, in one line.
  package static func read(_ monolith: String, _ eda: String, outage: ClosedRange<Double>?) throws
    -> NGrinderReport
  {
    NGrinderReport(monolith: try csv(monolith), eda: try csv(eda), outage: outage)
  }

  private static func csv(_ path: String) throws -> NGrinderCSV {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw LabFailure("\(path) cannot be read")
    }
    guard data.count <= 64 << 20 else {
      throw LabFailure("\(path) is larger than 64 MiB, and no per-second CSV")
    }
    return try NGrinderCSV(
      String(decoding: data, as: UTF8.self), name: URL(fileURLWithPath: path).lastPathComponent)
  }

  /// What stands side by side.
  package var table: FigureTable {
    func row(_ name: String, _ value: (Test) -> String) -> FigureTable.Row {
      .init(label: name, values: runs.map(value))
    }
    var rows = [
      row("good calls") { Numbers.count(Int($0.tests)) }, row("errors") { Numbers.count(Int($0.errors)) },
      row("TPS, mean") { Numbers.decimal($0.meanTPS, digits: 1) },
      row("TPS, highest second") { Numbers.decimal($0.csv.samples.map(\.tps).max() ?? 0, digits: 1) },
      row("mean time") { Numbers.duration(milliseconds: $0.meanMs) },
      row("Vusers, most") { Numbers.decimal($0.csv.samples.map(\.vusers).max() ?? 0, digits: 0) },
      row("seconds") { Numbers.decimal($0.seconds, digits: 0) },
    ]
    if runs.contains(where: { $0.outage != nil }) {
      rows.append(row("errors during the outage") { $0.outageErrors.map { Numbers.count(Int($0)) } ?? "–" })
      rows.append(
        row("good calls during the outage") { $0.outageTests.map { Numbers.count(Int($0)) } ?? "–" })
    }
    return FigureTable(columns: runs.map(\.architecture.rawValue), rows: rows)
  }

  /// The same for each test of the scripts that have several; nil where none has.
  var parts: FigureTable? {
    var names: [String] = []
    for part in runs.flatMap(\.csv.parts) where !names.contains(part.name) { names.append(part.name) }
    guard !names.isEmpty else { return nil }
    let rows = names.map { name in
      FigureTable.Row(
        label: name,
        values: runs.map { run in
          guard let part = run.csv.parts.first(where: { $0.name == name }) else { return "–" }
          let errors = part.errors > 0 ? ", \(Numbers.count(Int(part.errors))) errors" : ""
          return
            "\(Numbers.count(Int(part.tests))) in \(Numbers.duration(milliseconds: part.meanMs))\(errors)"
        })
    }
    return FigureTable(columns: runs.map(\.architecture.rawValue), rows: rows)
  }
}

extension NGrinderReport.Test {
  var tests: Double { csv.samples.map(\.tests).reduce(0, +) }
  var errors: Double { csv.samples.map(\.errors).reduce(0, +) }
  var seconds: Double { (csv.samples.last?.second ?? 0) + (csv.samples.last?.seconds ?? 1) }
  var meanTPS: Double { csv.samples.map(\.tps).reduce(0, +) / Double(max(csv.samples.count, 1)) }

  /// Of all good calls.
  var meanMs: Double? {
    let good = csv.samples.filter { $0.meanMs != nil }
    let count = good.map(\.tests).reduce(0, +)
    return count > 0 ? good.map { $0.tests * ($0.meanMs ?? 0) }.reduce(0, +) / count : nil
  }

  private var duringOutage: [NGrinderCSV.Sample]? {
    outage.map { outage in csv.samples.filter { outage.contains($0.second) } }
  }
  var outageErrors: Double? { duringOutage?.map(\.errors).reduce(0, +) }
  var outageTests: Double? { duringOutage?.map(\.tests).reduce(0, +) }
}
