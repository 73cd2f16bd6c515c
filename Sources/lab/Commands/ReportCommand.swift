import EventLoop
import Experiments
import Foundation
import Laboratory
import Reports
import Terminal

extension LabCommand {
  static let report = LabCommand(
    "report",
    "draw anew: report.html, the experiments' pages, the matrix, the README's figures, or two nGrinder tests",
    usage: """
      [FOLDER]
             report --experiments [experiments/NAME…]
             report --matrix [--to FOLDER] [experiments/NAME…]
             report --readme
             report --bench FILE
             report --ngrinder MONOLITH.csv EDA.csv [--outage FROM-TO] [--to FILE]
      """,
    options: [
      ("FOLDER", "where report.json lies; .lab/report"),
      ("--experiments", "RESULT.md and charts of each from its result.json (else of all of experiments/)"),
      ("--matrix", "from the experiments' result.json (else all of experiments/): matrix.md and matrix.svg"),
      ("--to FOLDER", "where these go; docs"),
      (
        "--readme",
        "writes the figures of \(ReadmeTable.file) and \(ReadmeTable.kafkaFile) into README.md and README.ko.md here"
      ),
      ("--bench FILE", "the picture of a bench.json, beside it: FILE with .svg instead of .json"),
      (
        "--ngrinder",
        "nGrinder's per-second CSV of a test of each, as one page: .lab/report/ngrinder.html, or --to FILE"
      ),
      (
        "--outage FROM-TO",
        "the seconds of the outage to shade; otherwise those in which outage.groovy switched it"
      ),
    ]
  ) { arguments, folder in
    if arguments.flag("--matrix") {
      let target = try arguments.option("--to") ?? "docs"
      let paths = arguments.positionals()
      try arguments.finish()
      return try MatrixReport(target: target, report: folder.report).write(paths)
    }
    if arguments.flag("--readme") {
      try arguments.finish()
      let table = try ReadmeTable.read(in: ".")
      try table.write(in: ".")
      Terminal.line(table.markdown(.english))
      return 0
    }
    if arguments.flag("--experiments") {
      let paths = arguments.positionals()
      try arguments.finish()
      for path in paths.isEmpty ? ExperimentList.results : paths {
        let result = try ExperimentResult.read(path + "/result.json")
        Terminal.line(try ExperimentFiles(folder: path).draw(result))
      }
      return 0
    }
    if let file = try arguments.option("--bench") {
      try arguments.finish()
      let result = try BenchResult.read(file)
      let picture = URL(fileURLWithPath: file).deletingPathExtension().appendingPathExtension("svg")
        .relativePath
      try WholeFile.write(BenchPage(result).svg, to: picture)
      Terminal.line(picture)
      return 0
    }
    if arguments.flag("--ngrinder") { return try writeNGrinder(&arguments, folder) }
    let files = ReportFiles(folder: arguments.positional() ?? folder.report)
    try arguments.finish()
    let report = try files.read()
    try files.draw(report)
    ReportFiles.show(report)
    Terminal.line(files.page)
    return 0
  }

  private static func writeNGrinder(_ arguments: inout CommandArguments, _ folder: LabFolder) throws -> Int32
  {
    let outage = try arguments.seconds("--outage")
    let target = try arguments.option("--to") ?? folder.report + "/ngrinder.html"
    guard let monolith = arguments.positional(), let eda = arguments.positional() else {
      throw UsageError("--ngrinder needs two files: the monolith's CSV and eda's")
    }
    try arguments.finish()
    let report = try NGrinderReport.read(monolith, eda, outage: outage)
    let page = URL(fileURLWithPath: target)
    do {
      try FileManager.default.createDirectory(
        at: page.deletingLastPathComponent(), withIntermediateDirectories: true)
      try WholeFile.write(NGrinderPage(report).html, to: target)
    } catch { throw LabFailure("\(target) cannot be written: \(error.localizedDescription)") }
    for line in report.table.text.lines { Terminal.line(line) }
    Terminal.line()
    Terminal.line(target)
    return 0
  }
}

extension CommandArguments {
  /// `10-20`: from one second to another.
  fileprivate mutating func seconds(_ name: String) throws(UsageError) -> ClosedRange<Double>? {
    guard let text = try option(name) else { return nil }
    let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { Double($0) }
    guard ends.count == 2, let from = ends[0], let to = ends[1], to <= 1_000_000, 0 <= from,
      from <= to
    else { throw UsageError("\(name) must be two seconds such as 10-20, not “\(text)”") }
    return from...to
  }
}

/// `lab report --matrix`.
struct MatrixReport {
  let target: String
  /// Where a report may lie that shows the matrix, too.
  let report: String

  /// - Returns: the exit code: 1 where a cell is missing.
  /// - Throws: `LabFailure` where a result is of `--quick`, not verified or not as expected.
  func write(_ paths: [String]) throws -> Int32 {
    let results = try (paths.isEmpty ? found() : paths).map { path in
      try ExperimentResult.read(path.hasSuffix(".json") ? path : path + "/result.json")
    }
    let matrix = Matrix(results)
    for result in results where matrix.sources.contains(result.name) {
      if let objection = Matrix.objection(to: result) { throw LabFailure(objection) }
    }
    guard !matrix.rows.isEmpty else {
      throw LabFailure(
        "no result has measured all five uses during a fault; run lab run experiments/matrix first")
    }
    try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
    try WholeFile.write(MatrixPage(matrix, results).markdown, to: "\(target)/matrix.md")
    let svg = MatrixDrawing(matrix).svg
    try WholeFile.write(svg, to: "\(target)/matrix.svg")
    let files = ReportFiles(folder: report)
    if FileManager.default.fileExists(atPath: files.json) {
      try WholeFile.write(svg, to: files.matrix)
      try files.draw(try files.read())
      Terminal.line(files.page)
    }
    for gap in matrix.gaps { Terminal.line("! not measured: \(gap)") }
    Terminal.line("\(matrix.rows.count) faults: \(target)/matrix.md, \(target)/matrix.svg")
    return matrix.gaps.isEmpty ? 0 : 1
  }

  /// The folders of all checked-in results, the matrix' own first.
  private func found() -> [String] {
    let folders = ExperimentList.folders(with: "result.json")
    return folders.filter { $0.hasSuffix("/matrix") } + folders.filter { !$0.hasSuffix("/matrix") }
  }
}
