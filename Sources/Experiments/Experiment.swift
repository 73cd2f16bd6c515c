import Load
import Verify
package import Scenarios
package import Figures
package import EventLoop
import Foundation
import History
package import Laboratory
package import Terminal
import Text
import Operations

/// A scenario, run: all variants in turn, round by round, so that a machine that grows slower does so for all of them.
@LoopActor
package final class Experiment {
  package typealias Begins = @LoopActor (Scenario.Variant, _ round: Int) -> Void
  package typealias Ended =
    @LoopActor (ExperimentResult.Trial, TrialOutcome, _ excused: [String]) throws -> Void
  package typealias Kept = @LoopActor (_ folder: String) -> Void

  private let scenario: Scenario
  private let seed: UInt64
  private let up: UpOptions
  private let scratch: @Sendable (Scenario.Variant) -> LabFolder
  private let unverified: String
  private let interrupt: Interrupt
  private var measured = Measured()
  private var trials: [ExperimentResult.Trial] = []
  private var versions: [String: String] = [:]
  private var facts: [String: ExperimentResult.VariantFacts] = [:]
  /// One a variant, in their order, for the charts.
  package private(set) var firstRound: [ChartedTrial] = []

  /// - Parameters:
  ///   - scratch: where a variant's laboratory is made.
  ///   - unverified: where the clients' histories of trials that are not verified are kept.
  package init(
    _ scenario: Scenario, seed: UInt64, up: UpOptions, interrupt: Interrupt, unverified: String,
    scratch: @escaping @Sendable (Scenario.Variant) -> LabFolder
  ) {
    (self.scenario, self.seed, self.up, self.interrupt) = (scenario, seed, up, interrupt)
    (self.unverified, self.scratch) = (unverified, scratch)
  }

  /// Before anything starts.
  ///
  /// - Throws: `UsageError` or `LabFailure` where a variant cannot be run here.
  package static func check(_ scenario: Scenario, _ up: UpOptions) throws {
    for variant in scenario.variants {
      let options = try Experiment.up(up, for: variant)
      try variant.checkSettings(DeclaredSettings.all(of: variant.architecture))
      for fault in variant.faults { try fault.check(options) }
      guard variant.architecture == .eda, !options.installedKafka, options.named("KAFKA_BROKERS") == nil
      else { continue }
      do { try LogCapacity.check(quota: variant.policy.quota / variant.policy.count) } catch {
        throw LabFailure("\(scenario.name), \(variant.name): \(error)")
      }
    }
  }

  private static func up(_ up: UpOptions, for variant: Scenario.Variant) throws -> UpOptions {
    var options = up
    options.architectures = [variant.architecture]
    switch variant.kafka {
    case .any: break
    case .embedded:
      options.installedKafka = false
      options.environment["KAFKA_BROKERS"] = nil
    case .installed:
      options.installedKafka = true
      options.environment["KAFKA_BROKERS"] = nil
    case .named:
      guard options.named("KAFKA_BROKERS") != nil else {
        throw LabFailure("\(variant.name) needs a Kafka named by KAFKA_BROKERS")
      }
    }
    return options
  }

  /// - Parameters:
  ///   - begins: called when a trial begins.
  ///   - ended: called when it has ended.
  ///   - kept: called with a folder that has what the clients of an unverified trial saw.
  package func run(
    begins: Begins = { _, _ in }, ended: Ended, kept: Kept
  ) async throws -> ExperimentResult {
    for round in 1...scenario.rounds {
      var values: [String: [String: Double]] = [:]
      for variant in scenario.variants {
        try interrupt.check()
        begins(variant, round)
        values[variant.name] = try await run(variant, round, ended, kept)
      }
      measured.add(round: values)
    }
    return await result()
  }

  /// - Returns: its metrics.
  private func run(
    _ variant: Scenario.Variant, _ round: Int, _ ended: Ended, _ kept: Kept
  ) async throws -> [String: Double] {
    // The same people for every variant of a round, others in the next.
    let trial = VariantTrial(
      scenario: scenario, variant: variant, seed: seed &+ UInt64(round - 1) &* 1_000,
      up: try Experiment.up(up, for: variant), folder: scratch(variant), interrupt: interrupt)
    let outcome: TrialOutcome
    do { outcome = try await trial.run() } catch let error as LabFailure {
      throw LabFailure("\(scenario.name), \(variant.name), round \(round): \(error)")
    }
    versions.merge(outcome.versions) { first, _ in first }
    let figures = outcome.figures
    let excused = scenario.excused(variant.name).sorted { $0.rawValue < $1.rawValue }.map(\.name)
    facts[variant.name] = ExperimentResult.VariantFacts(
      name: variant.name, architecture: figures.architecture, strategy: figures.strategy,
      people: variant.crowd.people, quota: variant.policy.quota, policies: variant.policy.count,
      ratePerSecond: variant.crowd.rate, concurrent: variant.crowd.concurrent,
      programSettings: outcome.programSettings, excused: excused)
    let result = ExperimentResult.Trial(
      round: round, variant: variant.name, metrics: figures.metrics, faults: figures.faults,
      findings: figures.findings.filter { $0.verdict != "n/a" }, usage: figures.usage,
      verified: figures.verified)
    trials.append(result)
    try ended(result, outcome, excused)
    if !result.isVerified(except: excused) {
      let folder = "\(unverified)/\(scenario.name)-\(variant.name)-\(round)"
      try keep(outcome.histories, in: folder)
      kept(folder)
    }
    if round == 1 { firstRound.append(ChartedTrial(name: variant.name, figures: figures)) }
    return figures.metrics
  }

  /// What the clients of a trial saw that was not verified, to be looked into.
  private func keep(_ histories: [SeenHistories], in folder: String) throws {
    try? FileManager.default.removeItem(atPath: folder)
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for seen in histories {
      for (index, history) in seen.all.enumerated() {
        try HistoryFile.write(history, to: "\(folder)/policy-\(history.run.policyID)-\(index + 1).tsv")
      }
    }
  }

  private func result() async -> ExperimentResult {
    ExperimentResult(
      name: scenario.name, question: scenario.question, createdAt: SystemClock().now().description,
      commit: await MachineFacts.commit(), seed: String(seed), isQuick: scenario.isQuick,
      rounds: scenario.rounds, machine: await MachineFacts.read(), versions: versions,
      variants: scenario.variants.compactMap { facts[$0.name] }, runs: trials, medians: measured.spreads,
      shown: scenario.shown.map(\.description),
      judgements: scenario.expectations.map { Judgement($0, measured) })
  }
}

/// A variant's first trial as charts and pages show it.
package struct ChartedTrial: Sendable {
  package let name: String
  package let figures: TrialFigures

  package init(name: String, figures: TrialFigures) { (self.name, self.figures) = (name, figures) }
}
