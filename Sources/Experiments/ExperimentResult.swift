package import Scenarios
package import Figures
import Foundation
import Terminal

/// What an experiment has shown: `result.json`, and all that its page and charts are drawn from.
package struct ExperimentResult: Codable, Hashable, Sendable {
  package static let version = 2
  package var formatVersion = ExperimentResult.version
  package var name: String
  package var question: String
  /// ISO 8601, UTC.
  package var createdAt: String
  package var commit: String
  /// A decimal number: 64 bits are more than JSON's readers keep.
  package var seed: String
  package var isQuick: Bool
  package var rounds: Int
  package var machine: Machine
  package var versions: [String: String]
  package var variants: [VariantFacts]
  package var runs: [Trial]
  /// Variant ─▶ metric ─▶ median, least and greatest of the rounds.
  package var medians: [String: [String: Spread]]
  package var shown: [String]
  package var judgements: [Judgement]
  /// The first round of each variant over time, where charts are drawn of it; nil in results of before.
  package var firstRound: [String: SeriesFigures]?
  /// What `lab run` was told beside the seed and the scenario; nil in results of before.
  package var options: [String]?

  /// A variant as it was run.
  package struct VariantFacts: Codable, Hashable, Sendable {
    package var name: String
    package var architecture: String
    package var strategy: String
    package var people: Int
    package var quota: Int
    package var policies: Int
    package var ratePerSecond: Double
    package var concurrent: Int?
    /// What the programs were told, by program; without secrets.
    package var programSettings: [String: [String: String]]
    /// Invariants (`I1`) that need not hold: an expectation says that they do not.
    package var excused: [String]

    package init(
      name: String, architecture: String, strategy: String, people: Int, quota: Int, policies: Int,
      ratePerSecond: Double, concurrent: Int?, programSettings: [String: [String: String]],
      excused: [String]
    ) {
      (self.name, self.architecture, self.strategy, self.people) = (name, architecture, strategy, people)
      (self.quota, self.policies, self.ratePerSecond) = (quota, policies, ratePerSecond)
      (self.concurrent, self.programSettings) = (concurrent, programSettings)
      self.excused = excused
    }
  }

  /// One variant in one round.
  package struct Trial: Codable, Hashable, Sendable {
    package var round: Int
    package var variant: String
    package var metrics: [String: Double]
    package var faults: [FaultFigures]
    package var findings: [FindingFigures]
    package var usage: [UsageFigures]
    package var verified: Bool

    package init(
      round: Int, variant: String, metrics: [String: Double], faults: [FaultFigures],
      findings: [FindingFigures], usage: [UsageFigures], verified: Bool
    ) {
      (self.round, self.variant, self.metrics, self.faults) = (round, variant, metrics, faults)
      (self.findings, self.usage, self.verified) = (findings, usage, verified)
    }

    /// Invariants that do not hold, or could not show.
    package var broken: [FindingFigures] { findings.filter(\.isBroken) }

    /// Whether everything holds but what is excused.
    package func isVerified(except excused: [String]) -> Bool {
      verified || !broken.isEmpty && broken.allSatisfy { excused.contains($0.invariant) }
    }
  }

  package init(
    name: String, question: String, createdAt: String, commit: String, seed: String, isQuick: Bool,
    rounds: Int,
    machine: Machine, versions: [String: String], variants: [VariantFacts], runs: [Trial],
    medians: [String: [String: Spread]], shown: [String], judgements: [Judgement]
  ) {
    (self.name, self.question, self.createdAt, self.commit) = (name, question, createdAt, commit)
    (self.seed, self.isQuick, self.rounds, self.machine) = (seed, isQuick, rounds, machine)
    (self.versions, self.variants, self.runs, self.medians) = (versions, variants, runs, medians)
    (self.shown, self.judgements) = (shown, judgements)
  }

  /// Runs that had to hold every invariant and did not.
  package var unverified: [Trial] {
    let excused = Dictionary(uniqueKeysWithValues: variants.map { ($0.name, $0.excused) })
    return runs.filter { !$0.isVerified(except: excused[$0.variant] ?? []) }
  }

  package var passed: Bool {
    !judgements.isEmpty && judgements.allSatisfy { $0.verdict == .holds } && unverified.isEmpty
  }

  // MARK: - The file

  package static func read(_ path: String) throws -> ExperimentResult {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw LabFailure("there is no \(path)")
    }
    guard let result = try? JSONDecoder().decode(ExperimentResult.self, from: data),
      result.formatVersion == version
    else { throw LabFailure("\(path) is not a result of this version of lab") }
    return result
  }

  package func write(_ path: String) throws { try WholeFile.write(json: rounded, to: path) }

  /// Six significant digits are enough.
  private var rounded: ExperimentResult {
    var result = self
    for index in result.runs.indices {
      result.runs[index].metrics = result.runs[index].metrics.mapValues(\.short)
      for fault in result.runs[index].faults.indices {
        result.runs[index].faults[fault].metrics = result.runs[index].faults[fault].metrics.mapValues(\.short)
      }
    }
    return result
  }
}

/// The machine that an experiment ran on.
package struct Machine: Codable, Hashable, Sendable {
  package var processor: String
  package var cores: Int
  package var memoryBytes: Int
  package var system: String
  package var swift: String

  package init(processor: String, cores: Int, memoryBytes: Int, system: String, swift: String) {
    (self.processor, self.cores, self.memoryBytes) = (processor, cores, memoryBytes)
    (self.system, self.swift) = (system, swift)
  }
}

extension Double {
  /// Rounded to six significant digits.
  fileprivate var short: Double {
    guard isFinite, self != 0 else { return self }
    let scale = pow(10, 5 - floor(log10(abs(self))))
    return (self * scale).rounded() / scale
  }
}
