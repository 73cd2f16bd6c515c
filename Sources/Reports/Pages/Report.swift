import EventLoop
package import Figures
package import Experiments
package import Load
package import Scenarios
import Terminal

/// What `lab demo` has shown: `report.json`, and all that its table and page are drawn from.
package struct Report: Codable, Hashable, Sendable {
  /// 3: a column a variant, each with all its rounds and the median, least and greatest of every figure. No
  /// percentile of fewer than 100 answers; means and maxima over time.
  package static let version = 3
  package var formatVersion = Report.version
  /// ISO 8601, UTC.
  package var createdAt: String
  /// The sources that were run; `unknown` outside a checkout, with `+` where they were changed.
  package var commit: String
  package var settings: LoadFigures
  package var machine: Machine
  /// Servers and libraries by name.
  package var versions: [String: String]
  package var rounds: Int
  package var columns: [Column]
  /// Nil where the machine was quiet, or where there is nothing to compare.
  package var unrest: Unrest?
  /// What a run took beside its schedule, for servers that start, are checked and stop: the mean of all runs.
  package var besideScheduleSeconds: Double?

  /// A variant, in all rounds.
  package struct Column: Codable, Hashable, Sendable {
    /// The variant's.
    package var name: String
    /// As people read it.
    package var title: String
    package var architecture: String
    package var strategy: String
    /// What the programs were told, by program; without secrets.
    package var programSettings: [String: [String: String]]
    /// `ReportFigure.key` ─▶ median, least and greatest of the rounds.
    package var medians: [String: Spread]
    /// One a round; only the first has its course over time.
    package var runs: [TrialFigures]

    /// - Parameter runs: one a round.
    package init(
      name: String, title: String, programSettings: [String: [String: String]], runs: [TrialFigures]
    ) {
      (self.name, self.title, self.programSettings, self.runs) = (name, title, programSettings, runs)
      (architecture, strategy) = (runs.first?.architecture ?? "", runs.first?.strategy ?? "")
      medians = ReportFigure.medians(of: runs)
      for index in self.runs.indices.dropFirst() { self.runs[index].series = nil }
    }

    package var passed: Bool { !runs.isEmpty && runs.allSatisfy(\.verified) }
  }

  /// - Parameters:
  ///   - columns: as the variants ran, in their order.
  ///   - beside: what each run took beside its schedule, in seconds.
  package init(_ result: ExperimentResult, _ load: LoadOptions, columns: [Column], beside: [Double] = []) {
    (createdAt, commit, machine) = (result.createdAt, result.commit, result.machine)
    (versions, rounds, self.columns) = (result.versions, result.rounds, columns)
    settings = LoadFigures(load, seed: result.seed)
    unrest = Unrest(columns)
    besideScheduleSeconds = beside.isEmpty ? nil : beside.reduce(0, +) / Double(beside.count)
  }

  package var passed: Bool { !columns.isEmpty && columns.allSatisfy(\.passed) }

  /// What a reader must know before believing the table; empty where there is nothing.
  package var warnings: [String] {
    let late = columns.compactMap { column -> String? in
      let late = column.runs.filter(\.generator.isBottleneck)
      guard let worst = late.max(by: { $0.generator.lateShare < $1.generator.lateShare }) else { return nil }
      return """
        \(column.title): the load generator could not keep up\(inRounds(late.count)): \
        \(worst.generator.shortcomings) (more than \(Numbers.percent(GeneratorFigures.toleratedShare)) together is too \
        much), so its figures are partly its own. Lower the rate.
        """
    }
    let wrong = columns.compactMap { column -> String? in
      let wrong = column.runs.count { !$0.verified }
      guard wrong > 0 else { return nil }
      return """
        \(column.title): not verified\(inRounds(wrong)); its figures describe something that went wrong.
        """
    }
    return [unrest?.description].compactMap { $0 } + late + wrong
  }

  private func inRounds(_ count: Int) -> String { rounds > 1 ? " in \(count) of \(rounds) rounds" : "" }
}

/// The machine had something else to do: the stays and bookings that come before the crowd took much longer beside one
/// variant than beside another, and no variant had been asked for a coupon yet.
package struct Unrest: Codable, Hashable, Sendable, CustomStringConvertible {
  /// Tolerated between two columns.
  package static let tolerated = 2.0

  /// A percentile of the bystander before the crowd, as a key of a column's medians.
  package var figure: String
  /// The columns by their titles, with the median of the figure in ms.
  package var least: Side
  package var greatest: Side

  package struct Side: Codable, Hashable, Sendable {
    package var column: String
    package var milliseconds: Double
  }

  /// Nil where no figure differs by more than is tolerated.
  package init?(_ columns: [Report.Column]) {
    for figure in ["bystander.before.p50_ms", "bystander.before.p99_ms"] {
      let sides = columns.compactMap { column in
        column.medians[figure].map { Side(column: column.title, milliseconds: $0.median) }
      }
      guard let least = sides.min(by: { $0.milliseconds < $1.milliseconds }),
        let greatest = sides.max(by: { $0.milliseconds < $1.milliseconds }),
        greatest.milliseconds > least.milliseconds * Unrest.tolerated
      else { continue }
      (self.figure, self.least, self.greatest) = (figure, least, greatest)
      return
    }
    return nil
  }

  package var description: String {
    let percentile = figure.contains("p99") ? "p99" : "p50"
    let times = Numbers.decimal(greatest.milliseconds / max(least.milliseconds, 1e-3), digits: 1)
    return """
      The machine was not quiet: before the crowd came, stays and bookings took \
      \(Numbers.duration(milliseconds: least.milliseconds)) (\(percentile)) in \(least.column) and \
      \(Numbers.duration(milliseconds: greatest.milliseconds)) in \(greatest.column), \(times) times as long, though \
      nobody had asked for a coupon yet. Times and CPU marked \(ReportFigure.mark) may be the machine's: run it again.
      """
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
