import Figures
import Scenarios
import EventLoop
import Experiments
import Foundation
import Laboratory
import Reports
import Terminal

extension LabCommand {
  static let run = LabCommand(
    "run", "run an experiment, evaluate its expectations and write its result",
    usage: "[--quick] [--rounds N] [--seed N] [--only VARIANT] experiments/NAME… | --all",
    options: [
      ("experiments/NAME", "a folder with a scenario.yaml"),
      ("--all", "every folder of experiments/"),
      ("--quick", "short, as a test; writes to .lab/run and leaves the checked-in result alone"),
      ("--rounds N", "instead of the scenario's; with fewer than three the result goes to .lab/run"),
      ("--seed N", "the seed that an earlier run printed"),
      (
        "--only VARIANT",
        "only this variant: expectations of other variants are skipped, and the result goes to .lab/run"
      ),
      (
        "--kafka installed",
        "an installed Kafka (KAFKA_HOME) instead of the embedded broker; the result goes to experiments/NAME/kafka"
      ),
      ("KAFKA_BROKERS=… and others", "as for lab up"),
    ]
  ) { arguments, folder in
    let (isQuick, all) = (arguments.flag("--quick"), arguments.flag("--all"))
    let rounds = try arguments.number("--rounds", in: 1...99)
    let only = try arguments.option("--only")
    var up = UpOptions()
    up.installedKafka = try arguments.choice("--kafka", of: ["installed", "embedded"]) == "installed"
    let seed = try arguments.seed() ?? .random(in: 1...999_999_999)
    let folders = arguments.positionals()
    try arguments.finish()
    guard all == folders.isEmpty else { throw UsageError("name experiments, or use --all") }
    let run = ExperimentList(
      isQuick: isQuick, rounds: rounds, only: only, seed: seed, up: up,
      folder: LabFolder(path: folder.path + "/run"))
    return try await run.run(all ? ExperimentList.everyExperiment() : folders) ? 0 : 1
  }
}

/// One experiment after the other; all scenarios are read before anything starts.
@LoopActor
struct ExperimentList {
  let isQuick: Bool
  let rounds: Int?
  let only: String?
  let seed: UInt64
  let up: UpOptions
  let folder: LabFolder

  static func everyExperiment() throws -> [String] {
    let found = folders(with: "scenario.yaml")
    guard !found.isEmpty else { throw UsageError("there are no experiments/*/scenario.yaml here") }
    return found
  }

  /// The folders with results: of each experiment, and of the same on an installed Kafka.
  nonisolated static var results: [String] {
    folders(with: "result.json").flatMap { path in
      [path, "\(path)/\(ExperimentFiles.onInstalledKafka)"].filter {
        FileManager.default.fileExists(atPath: "\($0)/result.json")
      }
    }
  }

  /// The folders of experiments/ that hold such a file.
  nonisolated static func folders(with file: String) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "experiments")) ?? []
    return names.sorted().map { "experiments/\($0)" }
      .filter { FileManager.default.fileExists(atPath: "\($0)/\(file)") }
  }

  /// - Returns: whether everything was evaluated, holds and is verified.
  func run(_ folders: [String]) async throws -> Bool {
    let scenarios = try folders.map { try read($0) }
    for scenario in scenarios { try Experiment.check(scenario, up) }
    let interrupt = Interrupt.shared
    Terminal.line("seed \(seed)")
    var failed: [String] = []
    for (path, scenario) in zip(folders, scenarios) {
      try interrupt.check()
      let result = try await run(scenario, in: path, interrupt)
      if !result.passed { failed.append(scenario.name) }
    }
    Terminal.line(failed.isEmpty ? "Everything holds." : "FAILED: \(failed.joined(separator: ", "))")
    return failed.isEmpty
  }

  private func run(_ scenario: Scenario, in path: String, _ interrupt: Interrupt) async throws
    -> ExperimentResult
  {
    var told = scenario
    told.rounds = rounds ?? scenario.rounds
    let experiment = Experiment(
      told, seed: seed, up: up, interrupt: interrupt, unverified: folder.path + "/unverified"
    ) { [folder] in LabFolder(path: "\(folder.path)/run-\(scenario.name)-\($0.name)") }
    Terminal.line("\(scenario.name): \(scenario.question)")
    var result = try await experiment.run(
      ended: { trial, _, excused in show(trial, of: told, excused) },
      kept: { Terminal.line("    what the clients saw: \($0)") })
    result.options = options
    let kept = up.installedKafka ? "\(path)/\(ExperimentFiles.onInstalledKafka)" : path
    let target = isKept(scenario) ? kept : "\(folder.path)/\(scenario.name)"
    let page = try ExperimentFiles(folder: target).write(result, experiment.firstRound)
    show(result)
    Terminal.line("  \(page)\n")
    return result
  }

  /// Beside the scenario, in the place of the result that is there: only what says as much as the scenario asks for.
  private func isKept(_ scenario: Scenario) -> Bool {
    !isQuick && only == nil && scenario.keepsResult(ofRounds: rounds ?? scenario.rounds)
  }

  /// The options beside the seed that repeat the run.
  private var options: [String] {
    (up.installedKafka ? ["--kafka", "installed"] : []) + (rounds.map { ["--rounds", "\($0)"] } ?? [])
  }

  private func read(_ path: String) throws -> Scenario {
    let file = path.hasSuffix(".yaml") ? path : path + "/scenario.yaml"
    var scenario = try ScenarioReader.read(file, quick: isQuick)
    if let only {
      scenario.variants.removeAll { $0.name != only }
      guard !scenario.variants.isEmpty else { throw UsageError("\(file): there is no variant “\(only)”") }
      scenario.expectations.removeAll { !$0.speaks(onlyOf: [only]) }
    }
    return scenario
  }

  /// One line a trial.
  private func show(_ trial: ExperimentResult.Trial, of scenario: Scenario, _ excused: [String]) {
    let values = scenario.shown.prefix(6).compactMap { metric in
      trial.metrics[metric.description].map { "\(metric) \(MetricText.value($0, of: metric.name))" }
    }
    let isAsExpected = trial.isVerified(except: excused)
    let verdict = trial.verified ? "verified" : isAsExpected ? "goes wrong, as expected" : "NOT VERIFIED"
    let round = scenario.rounds > 1 ? "round \(trial.round), " : ""
    Terminal.line("  \(round)\(trial.variant): \(verdict); \(values.joined(separator: ", "))")
    guard !isAsExpected else { return }
    for finding in trial.broken where !excused.contains(finding.invariant) {
      Terminal.line("    ! \(finding.invariant) \(finding.verdict): \(finding.title): \(finding.detail)")
    }
  }

  private func show(_ result: ExperimentResult) {
    for judgement in result.judgements {
      let mark = judgement.verdict == .holds ? "✓" : "✗"
      let values = [judgement.left, judgement.right].map { $0.map { Numbers.decimal($0, digits: 3) } ?? "–" }
      Terminal.line(
        "  \(mark) \(judgement.expectation)   (\(values[0]) against \(values[1]); \(judgement.detail)"
          + (judgement.verdict == .neverEvaluated ? ": NEVER EVALUATED)" : ")"))
    }
    for run in result.unverified { Terminal.line("  ✗ \(run.variant), round \(run.round): not verified") }
  }
}
