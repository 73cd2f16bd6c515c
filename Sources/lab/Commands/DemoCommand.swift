import Scenarios
import EventLoop
import Experiments
import Figures
import Foundation
import History
import Laboratory
import Load
import Reports
import Terminal

extension LabCommand {
  static let demo = LabCommand(
    "demo", "the same flash crowd against both architectures, checked and reported",
    usage: "[--rounds N] [--only monolith|eda] [OPTIONS]",
    options: [
      ("--rounds N", "the variants take turns in each; 3, or 1 for the hurried"),
      ("--only monolith|eda", "one architecture alone"),
      ("--kafka installed", "an installed Kafka (KAFKA_HOME) instead of the embedded broker"),
    ] + LoadOptions.help(.ofDemo) + [("DATABASE_URL=… and others", "as for lab up")]
  ) { arguments, folder in
    let only = try arguments.architecture()
    let rounds = try arguments.number("--rounds", in: 1...99)
    var up = UpOptions()
    up.installedKafka = try arguments.choice("--kafka", of: ["installed", "embedded"]) == "installed"
    let file = try Demo.file()
    var scenario = try ScenarioReader.read(file, quick: false)
    var standard = scenario.crowd
    (standard.quota, standard.seed) = (scenario.policy.quota, LoadOptions().seed)
    let load = try LoadOptions(&arguments, standard: standard)
    try arguments.finish()
    (scenario.crowd, scenario.policy.quota) = (load, load.quota)
    scenario.rounds = rounds ?? scenario.rounds
    scenario.variants.removeAll { only != nil && $0.architecture != only }
    for index in scenario.variants.indices {
      (scenario.variants[index].crowd, scenario.variants[index].policy) = (load, scenario.policy)
    }
    try Experiment.check(scenario, up)
    let demo = Demo(scenario: scenario, file: file, load: load, up: up, folder: folder)
    return try await demo.run(.shared).passed ? 0 : 1
  }
}

/// The experiment 00-demo, with the crowd and the rounds of the command line, shown as a report.
@LoopActor
struct Demo {
  let scenario: Scenario
  /// Where the scenario was read.
  let file: String
  let load: LoadOptions
  let up: UpOptions
  let folder: LabFolder

  /// Where the experiments lie, or in the checkout that `lab` was built in.
  static func file() throws -> String {
    let built = URL(fileURLWithPath: ProgramCommand.folder)
    let roots = (1...4).reduce(into: [built]) { roots, _ in
      roots.append(roots[roots.count - 1].deletingLastPathComponent())
    }
    let files = (["."] + roots.map(\.path)).map { $0 + "/experiments/00-demo/scenario.yaml" }
    guard let file = files.first(where: FileManager.default.fileExists) else {
      throw LabFailure("there is no experiments/00-demo here, nor where lab was built")
    }
    return file
  }

  func run(_ interrupt: Interrupt) async throws -> Report {
    let files = ReportFiles(folder: folder.report)
    for line in "TimeAttack: \(load.summary)".wrapped(indent: "  ") { Terminal.line(line) }
    var time = DemoTime(
      titles: scenario.variants.map(title), rounds: scenario.rounds, schedule: load.scheduleSeconds,
      before: earlier(files))
    for line in time.announcement { Terminal.line(line) }
    try FileManager.default.createDirectory(atPath: files.folder, withIntermediateDirectories: true)
    let experiment = Experiment(
      scenario, seed: load.seed, up: up, interrupt: interrupt, unverified: folder.path + "/unverified"
    ) { [folder] in LabFolder(path: "\(folder.path)/demo-\($0.name)") }
    var runs: [String: [TrialFigures]] = [:]
    let result = try await experiment.run(
      begins: { variant, round in
        time.begins(.now)
        Terminal.line("\n\(time.heading(title(variant), round: round))")
      },
      ended: { trial, outcome, _ in
        time.ended(.now)
        runs[trial.variant, default: []].append(outcome.figures)
        Terminal.line("  " + ReportFiles.line(outcome.figures))
        // The course of the first round is what the charts show.
        guard trial.round == 1, let history = outcome.histories.first?.planned.first else { return }
        try HistoryFile.write(history, to: "\(files.folder)/\(trial.variant).tsv")
      },
      kept: { Terminal.line("  what the clients saw: \($0)") })
    let columns = scenario.variants.map { variant in
      Report.Column(
        name: variant.name, title: title(variant),
        programSettings: result.variants.first { $0.name == variant.name }?.programSettings ?? [:],
        runs: runs[variant.name] ?? [])
    }
    let report = Report(result, load, columns: columns, beside: time.beside)
    try files.write(report)
    Terminal.line()
    ReportFiles.show(report)
    Terminal.line("\(report.passed ? "Verified" : "NOT VERIFIED"). The report: \(files.page)")
    return report
  }

  private func title(_ variant: Scenario.Variant) -> String { variant.title ?? variant.name }

  /// What runs took beside their schedule when a report was made: this laboratory's last one, else the checked-in one.
  private func earlier(_ files: ReportFiles) -> DemoTime.Earlier? {
    let root = URL(fileURLWithPath: file).deletingLastPathComponent().appending(path: "../..")
      .standardizedFileURL.path
    let checkedIn = up.installedKafka ? ReadmeTable.kafkaFile : ReadmeTable.file
    let broker = up.installedKafka ? "installed" : "embedded"
    for (path, name) in [(files.json, files.json), ("\(root)/\(checkedIn)", checkedIn)] {
      guard let report = try? ReportFiles.read(path), let seconds = report.besideScheduleSeconds,
        // A Kafka takes longer to start.
        (report.versions["broker"] ?? broker) == broker
      else { continue }
      return DemoTime.Earlier(seconds: seconds, report: name)
    }
    return nil
  }
}
