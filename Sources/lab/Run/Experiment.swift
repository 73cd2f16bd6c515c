import EventLoop
import Foundation
import History
import Laboratory
import Terminal
import Verify

/// A scenario, run: all variants in turn, round by round, so that a machine that grows slower does so for all of them.
@LoopActor
final class Experiment {
  private let scenario: Scenario
  private let seed: UInt64
  private let up: UpOptions
  private let folder: LabFolder
  private let interrupt: Interrupt
  private var measured = Measured()
  private var runs: [ExperimentResult.RunResult] = []
  private var versions: [String: String] = [:]
  private var facts: [String: ExperimentResult.VariantFacts] = [:]
  /// Of the first round, for the charts.
  private(set) var series: [ChartedRun] = []

  init(_ scenario: Scenario, seed: UInt64, up: UpOptions, folder: LabFolder, interrupt: Interrupt) {
    (self.scenario, self.seed, self.up) = (scenario, seed, up)
    (self.folder, self.interrupt) = (folder, interrupt)
  }

  /// Before anything starts.
  ///
  /// - Throws: `UsageError` or `LabFailure` where a variant cannot be run here.
  static func check(_ scenario: Scenario, _ up: UpOptions) async throws {
    var declared: [Architecture: [DeclaredSettings]] = [:]
    for architecture in Set(scenario.variants.map(\.architecture)) {
      declared[architecture] = try await DeclaredSettings.read(of: architecture, in: up.programs)
    }
    for variant in scenario.variants {
      let options = try Experiment.up(up, for: variant)
      try variant.checkSettings(declared[variant.architecture] ?? [])
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
        throw LabFailure("\(variant.name) needs a Kafka that is named by KAFKA_BROKERS")
      }
    }
    return options
  }

  func run() async throws -> ExperimentResult {
    Terminal.line("\(scenario.name): \(scenario.question)")
    for round in 1...scenario.rounds {
      var values: [String: [String: Double]] = [:]
      for variant in scenario.variants {
        try interrupt.check()
        let outcome = try await run(variant, round)
        values[variant.name] = outcome.metrics
      }
      measured.add(round: values)
    }
    return await result()
  }

  private func run(_ variant: Scenario.Variant, _ round: Int) async throws -> VariantOutcome {
    var variant = variant
    // The same people for every variant of a round, others in the next.
    let run = VariantRun(
      scenario: scenario, variant: variant, seed: seed &+ UInt64(round - 1) &* 1_000,
      up: try Experiment.up(up, for: variant),
      folder: LabFolder(path: "\(folder.path)/run-\(scenario.name)-\(variant.name)"), interrupt: interrupt)
    let outcome: VariantOutcome
    do { outcome = try await run.run() } catch let error as LabFailure {
      throw LabFailure("\(scenario.name), \(variant.name), round \(round): \(error)")
    }
    versions.merge(outcome.versions) { first, _ in first }
    variant.strategy = outcome.strategy
    facts[variant.name] = ExperimentResult.VariantFacts(
      name: variant.name, architecture: variant.architecture.rawValue, strategy: outcome.strategy,
      people: variant.crowd.people, quota: variant.policy.quota, policies: variant.policy.count,
      ratePerSecond: variant.crowd.rate, concurrent: variant.crowd.concurrent,
      programSettings: outcome.programSettings,
      excused: excused(variant.name))
    let result = ExperimentResult.RunResult(
      round: round, variant: variant.name, metrics: outcome.metrics, faults: outcome.faults,
      findings: outcome.findings.filter { $0.verdict != "n/a" }, usage: outcome.effort.usage,
      verified: outcome.passed)
    runs.append(result)
    show(result)
    if !result.isVerified(except: excused(variant.name)) { try keep(outcome, round) }
    if round == 1, let figures = outcome.series, let history = outcome.histories.first?.planned.first {
      let from = outcome.faults.map(\.window.from).min()
      let fault = from.map {
        FaultWindow(name: "fault", from: $0, to: outcome.faults.map(\.window.to).max() ?? $0)
      }
      series.append(
        ChartedRun(
          name: variant.name, architecture: variant.architecture.rawValue, series: figures, fault: fault,
          history: history))
    }
    return outcome
  }

  private func excused(_ variant: String) -> [String] {
    scenario.excused(variant).sorted { $0.rawValue < $1.rawValue }.map(\.name)
  }

  /// One line a run.
  private func show(_ run: ExperimentResult.RunResult) {
    let values = scenario.shown.prefix(6).compactMap { metric in
      run.metrics[metric.description].map { "\(metric) \(MetricText.value($0, of: metric.name))" }
    }
    let excused = excused(run.variant)
    let isAsExpected = run.isVerified(except: excused)
    let verdict = run.verified ? "verified" : isAsExpected ? "goes wrong, as expected" : "NOT VERIFIED"
    let round = scenario.rounds > 1 ? "round \(run.round), " : ""
    Terminal.line("  \(round)\(run.variant): \(verdict); \(values.joined(separator: ", "))")
    guard !isAsExpected else { return }
    for finding in run.broken where !excused.contains(finding.invariant) {
      Terminal.line("    ! \(finding.invariant) \(finding.verdict): \(finding.title): \(finding.detail)")
    }
  }

  /// What the clients of a run saw that was not verified, to be looked into.
  private func keep(_ outcome: VariantOutcome, _ round: Int) throws {
    let folder = "\(folder.path)/unverified/\(scenario.name)-\(outcome.variant.name)-\(round)"
    try? FileManager.default.removeItem(atPath: folder)
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for histories in outcome.histories {
      for (index, history) in histories.all.enumerated() {
        try HistoryFile.write(history, to: "\(folder)/policy-\(history.run.policyID)-\(index + 1).tsv")
      }
    }
    Terminal.line("    what the clients saw: \(folder)")
  }

  private func result() async -> ExperimentResult {
    ExperimentResult(
      name: scenario.name, question: scenario.question, createdAt: SystemTime.text,
      commit: await MachineFacts.commit(), seed: String(seed), isQuick: scenario.isQuick,
      rounds: scenario.rounds,
      machine: await MachineFacts.read(), versions: versions,
      variants: scenario.variants.compactMap { facts[$0.name] }, runs: runs, medians: measured.spreads,
      shown: scenario.shown.map(\.description),
      judgements: scenario.expectations.map { Judgement($0, measured) })
  }
}

/// A metric's value for people.
package enum MetricText {
  package static func value(_ value: Double, of name: String) -> String {
    if name.hasSuffix("_ms") { return Numbers.duration(milliseconds: value) }
    if name.hasSuffix("_us_per_coupon") || name.hasSuffix("_us_per_request") {
      return Numbers.decimal(value, digits: 0) + " µs"
    }
    if name.hasSuffix("_s") && !name.hasSuffix("per_s") { return Numbers.duration(seconds: value) }
    if name.hasSuffix("_mib") { return Numbers.decimal(value, digits: 0) + " MiB" }
    let measure = name.split(separator: ".").last ?? ""
    let isShare = ["good", "failed", "unknown", "accepted", "refused", "share"].contains(measure)
    if isShare, !name.hasPrefix("people."), name != "accepted.failed" { return Numbers.percent(value) }
    return Numbers.decimal(value, digits: value == value.rounded() || value >= 100 ? 0 : 1)
  }
}
