import EventLoop
package import Figures
package import Experiments
package import Load
import Terminal

/// What `lab demo` has shown: `report.json`, and all that its table and page are drawn from.
package struct Report: Codable, Hashable, Sendable {
  /// 2: latencies are of good answers only, with the failed share beside them.
  package static let version = 2
  package var formatVersion = Report.version
  /// ISO 8601, UTC.
  package var createdAt: String
  /// The sources that were run; `unknown` outside a checkout, with `+` where they were changed.
  package var commit: String
  package var settings: LoadFigures
  package var machine: Machine
  /// Servers and libraries by name.
  package var versions: [String: String]
  /// What the programs were told, by program; without secrets.
  package var programSettings: [String: [String: String]]
  package var runs: [TrialFigures]

  package init(_ result: ExperimentResult, _ load: LoadOptions, trials: [ChartedTrial]) {
    (createdAt, commit, machine) = (result.createdAt, result.commit, result.machine)
    (versions, runs) = (result.versions, trials.map(\.figures))
    programSettings = result.variants.reduce(into: [:]) {
      $0.merge($1.programSettings) { first, _ in first }
    }
    settings = LoadFigures(load, seed: result.seed)
  }

  package var passed: Bool { !runs.isEmpty && runs.allSatisfy(\.verified) }

  /// What a reader must know before believing the table; empty where there is nothing.
  package var warnings: [String] {
    runs.filter(\.generator.isBottleneck).map { run in
      """
      \(run.architecture): the load generator could not keep up: \(run.generator.shortcomings) (more than \
      \(Numbers.percent(GeneratorFigures.toleratedShare)) together is too much), so its figures are partly its own. \
      Lower the rate.
      """
    }
      + runs.filter { !$0.verified }.map {
        "\($0.architecture): the run is not verified; its figures describe something that went wrong."
      }
  }
}

/// The load, the same for every run of a report.
package struct LoadFigures: Codable, Hashable, Sendable {
  package var people: Int
  package var quota: Int
  /// People a second at the opening.
  package var ratePerSecond: Double
  package var earlyShare: Double
  package var attempts: Int
  package var connections: Int
  package var patienceMs: Int
  package var bystanderPerSecond: Double
  /// A decimal number: 64 bits are more than JSON's readers keep.
  package var seed: String

  init(_ load: LoadOptions, seed: String) {
    (people, quota, ratePerSecond) = (load.people, load.quota, load.rate)
    (earlyShare, attempts, connections) = (load.earlyShare, load.attempts, load.connections)
    (patienceMs, bystanderPerSecond) = (Int(load.patience.milliseconds), load.bystanderPerSecond)
    self.seed = seed
  }
}
