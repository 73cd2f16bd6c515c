import Scenarios
import EventLoop
import Experiments
import Foundation
import History
import Laboratory
import Load
import Reports
import Terminal

extension LabCommand {
  static let demo = LabCommand(
    "demo", "the same flash crowd against both architectures, checked and reported",
    usage: "[--only monolith|eda] [OPTIONS]",
    options: LoadOptions.help + [
      ("--only monolith|eda", "only this architecture"),
      ("--kafka installed", "an installed Kafka (KAFKA_HOME) instead of the embedded broker"),
      ("DATABASE_URL=… and others", "as for lab up"),
    ]
  ) { arguments, folder in
    let only = try arguments.architecture()
    var up = UpOptions()
    up.installedKafka = try arguments.choice("--kafka", of: ["installed", "embedded"]) == "installed"
    var scenario = try Demo.scenario()
    var standard = scenario.crowd
    (standard.quota, standard.seed) = (scenario.policy.quota, LoadOptions().seed)
    let load = try LoadOptions(&arguments, standard: standard)
    try arguments.finish()
    (scenario.crowd, scenario.policy.quota) = (load, load.quota)
    scenario.variants.removeAll { only != nil && $0.architecture != only }
    for index in scenario.variants.indices {
      (scenario.variants[index].crowd, scenario.variants[index].policy) = (load, scenario.policy)
    }
    try Experiment.check(scenario, up)
    return try await Demo(scenario: scenario, load: load, up: up, folder: folder).run(.shared).passed
      ? 0 : 1
  }
}

/// One round of the experiment 00-demo, with the crowd of the command line, shown as a report.
@LoopActor
struct Demo {
  let scenario: Scenario
  let load: LoadOptions
  let up: UpOptions
  let folder: LabFolder

  /// Where the experiments lie, or in the checkout that `lab` was built in.
  static func scenario() throws -> Scenario {
    let built = URL(fileURLWithPath: ProgramCommand.folder)
    let roots = (1...4).reduce(into: [built]) { roots, _ in
      roots.append(roots[roots.count - 1].deletingLastPathComponent())
    }
    let files = (["."] + roots.map(\.path)).map { $0 + "/experiments/00-demo/scenario.yaml" }
    guard let file = files.first(where: FileManager.default.fileExists) else {
      throw LabFailure("there is no experiments/00-demo here, nor where lab was built")
    }
    return try ScenarioReader.read(file, quick: false)
  }

  func run(_ interrupt: Interrupt) async throws -> Report {
    Terminal.line("TimeAttack: \(load.summary)")
    let files = ReportFiles(folder: folder.report)
    try FileManager.default.createDirectory(atPath: files.folder, withIntermediateDirectories: true)
    let experiment = Experiment(
      scenario, seed: load.seed, up: up, interrupt: interrupt, unverified: folder.path + "/unverified"
    ) { [folder] in LabFolder(path: "\(folder.path)/demo-\($0.name)") }
    let names = scenario.variants.map(\.name)
    let result = try await experiment.run(
      begins: { variant, _ in
        let place = (names.firstIndex(of: variant.name) ?? 0) + 1
        Terminal.line("\n\(variant.name) (\(place) of \(names.count))")
      },
      ended: { trial, outcome, _ in
        guard let history = outcome.histories.first?.planned.first else { return }
        try HistoryFile.write(history, to: "\(files.folder)/\(trial.variant).tsv")
      },
      kept: { Terminal.line("what the clients saw: \($0)") })
    let report = Report(result, load, trials: experiment.firstRound)
    try files.write(report)
    Terminal.line()
    ReportFiles.show(report)
    Terminal.line("\(report.passed ? "Verified" : "NOT VERIFIED"). The report: \(files.page)")
    return report
  }
}
