import EventLoop
import Foundation
import History
import Laboratory
import Load
import Terminal

extension LabCommand {
  static let demo = LabCommand(
    "demo", "the same flash crowd against both architectures, checked and reported",
    usage: "[--only monolith|eda] [OPTIONS]",
    options: LoadOptions.help + [
      ("--only monolith|eda", "one architecture alone"),
      ("--kafka installed", "an installed Kafka (KAFKA_HOME) instead of the embedded broker"),
      ("DATABASE_URL=… and others", "as for lab up"),
    ]
  ) { arguments, folder in
    let only = try arguments.choice("--only", of: Architecture.allCases.map(\.rawValue))
    var up = UpOptions()
    up.installedKafka = try arguments.choice("--kafka", of: ["installed", "embedded"]) == "installed"
    let options = try LoadOptions(&arguments)
    try arguments.finish()
    let architectures = Architecture.allCases.filter { only == nil || $0.rawValue == only }
    let isEmbedded = !up.installedKafka && up.environment["KAFKA_BROKERS"] ?? "" == ""
    if architectures.contains(.eda), isEmbedded { try LogCapacity.check(quota: options.quota) }
    let interrupt = Interrupt()
    defer { interrupt.end() }
    let report = try await Demo(options, up, folder, interrupt).run(architectures)
    return report.passed ? 0 : 1
  }
}

/// One architecture after the other, so that neither has to share the machine with the other; then the report.
@LoopActor
struct Demo {
  private let options: LoadOptions
  private let up: UpOptions
  private let folder: LabFolder
  private let interrupt: Interrupt

  init(_ options: LoadOptions, _ up: UpOptions, _ folder: LabFolder, _ interrupt: Interrupt) {
    (self.options, self.up, self.folder, self.interrupt) = (options, up, folder, interrupt)
  }

  func run(_ architectures: [Architecture]) async throws -> Report {
    Terminal.line("TimeAttack: \(options.summary)")
    let files = ReportFiles(folder: folder.report)
    try FileManager.default.createDirectory(atPath: files.folder, withIntermediateDirectories: true)
    var results: [DemoRun.Result] = []
    for (index, architecture) in architectures.enumerated() {
      Terminal.line("\n\(architecture.rawValue) (\(index + 1) of \(architectures.count))")
      var up = up
      up.architectures = [architecture]
      let run = DemoRun(
        options: options, up: up, architecture: architecture,
        folder: LabFolder(path: "\(folder.path)/demo-\(architecture.rawValue)"), report: files.folder,
        interrupt: interrupt)
      results.append(try await run.run())
    }
    let report = Report(
      createdAt: SystemTime.text, commit: await MachineFacts.commit(), settings: options.figures,
      machine: await MachineFacts.read(),
      versions: results.reduce(into: [:]) { $0.merge($1.versions) { first, _ in first } },
      programSettings: results.reduce(into: [:]) { $0.merge($1.settings) { first, _ in first } },
      runs: results.map(\.figures))
    try files.write(report)
    Terminal.line()
    ReportFiles.show(report)
    Terminal.line(
      report.passed
        ? "Verified. The report: \(files.page)"
        : "NOT VERIFIED. The report: \(files.page)")
    return report
  }
}
