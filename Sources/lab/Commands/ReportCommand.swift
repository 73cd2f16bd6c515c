import EventLoop
import Foundation

extension LabCommand {
  static let report = LabCommand(
    "report", "draw report.html anew from report.json, and show the table; or the failure-propagation matrix",
    usage: "[FOLDER] | --matrix [--to FOLDER] [experiments/NAME…]",
    options: [
      ("FOLDER", "where report.json lies; .lab/report"),
      ("--matrix", "from the experiments' result.json (else all of experiments/): matrix.md and matrix.svg"),
      ("--to FOLDER", "where these go; docs"),
    ]
  ) { arguments, folder in
    if arguments.flag("--matrix") {
      let target = try arguments.option("--to") ?? "docs"
      var paths: [String] = []
      while let path = arguments.positional() { paths.append(path) }
      try arguments.finish()
      return try MatrixReport(target: target, report: folder.report).write(paths)
    }
    let files = ReportFiles(folder: arguments.positional() ?? folder.report)
    try arguments.finish()
    let report = try files.read()
    try files.draw(report)
    ReportFiles.show(report)
    Terminal.line(files.page)
    return 0
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
      throw LabFailure("no result has measured all five uses during a fault; lab run experiments/matrix does")
    }
    try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
    try put(MatrixPage(matrix, results).markdown, "\(target)/matrix.md")
    let svg = MatrixDrawing(matrix).svg
    try put(svg, "\(target)/matrix.svg")
    let files = ReportFiles(folder: report)
    if FileManager.default.fileExists(atPath: files.json) {
      try put(svg, files.matrix)
      try files.draw(try files.read())
      Terminal.line(files.page)
    }
    for gap in matrix.gaps { Terminal.line("! not measured: \(gap)") }
    Terminal.line("\(matrix.rows.count) faults: \(target)/matrix.md, \(target)/matrix.svg")
    return matrix.gaps.isEmpty ? 0 : 1
  }

  /// All checked-in results, the matrix' own first.
  private func found() -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "experiments")) ?? []
    let paths = names.sorted().map { "experiments/\($0)/result.json" }
      .filter { FileManager.default.fileExists(atPath: $0) }
    return paths.filter { $0.contains("/matrix/") } + paths.filter { !$0.contains("/matrix/") }
  }

  private func put(_ text: String, _ path: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
  }
}
