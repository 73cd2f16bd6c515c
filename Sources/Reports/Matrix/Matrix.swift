import Scenarios
import Figures
package import Experiments

/// How far failures spread: a row a fault, a column a thing that a user can do, for each architecture.
package struct Matrix: Hashable, Sendable {
  package struct Use: Hashable, Sendable {
    package let group: String
    package let title: String
  }

  /// What a user can do.
  package static let uses = [
    Use(group: "coupons", title: "get a coupon"), Use(group: "soldout", title: "learn “sold out”"),
    Use(group: "mine", title: "see my coupon"), Use(group: "stays", title: "read stays"),
    Use(group: "booking", title: "book a stay"),
  ]

  package static let architectures = ["monolith", "eda"]

  /// Parts that only one architecture has, by the name of a fault's target.
  private static let parts: [String: Set<String>] = [
    "monolith": ["database", "api", "coupons"],
    "eda": ["database", "redis", "kafka", "api", "worker", "coupons"],
  ]

  /// What was measured while a fault lasted; medians of all runs.
  package struct Cell: Hashable, Sendable {
    package enum Recovery: Hashable, Sendable {
      /// Seconds from the fault's end to the last bad answer.
      case after(Double)
      /// Requests still failed this many seconds after the fault's end, when the last one was sent.
      case notWithin(Double)
    }

    /// Share of good answers.
    package var good: Double
    /// Nil where nobody asked after the fault.
    package var recovery: Recovery?
    /// Median latency of good answers in milliseconds, during the fault and before it.
    package var during: Double?
    package var before: Double?

    package init(good: Double, recovery: Recovery?, during: Double? = nil, before: Double? = nil) {
      (self.good, self.recovery, self.during, self.before) = (good, recovery, during, before)
    }

    /// Answered well, and yet felt.
    package var isSlow: Bool {
      guard let during, let before else { return false }
      return during > 100 && during > 3 * before
    }

    package var isRecovered: Bool { if case .notWithin = recovery { false } else { true } }

    package enum Colour: String, Sendable { case good, fair, bad }

    package var colour: Colour {
      good < 0.5 || !isRecovered ? .bad : good < 0.99 || isSlow ? .fair : .good
    }
  }

  /// What a row has for one use of one architecture.
  package enum Entry: Hashable, Sendable {
    case cell(Cell)
    /// It should have been measured, and was not, or not in every round.
    case gap
    case noSuchPart
  }

  package struct Row: Hashable, Sendable {
    package var fault: String
    /// What was broken, as `FaultFigures` names it.
    package var target: String
    /// Architecture ─▶ group ─▶ cell.
    package var cells: [String: [String: Cell]]

    package func entry(_ architecture: String, _ group: String) -> Entry {
      guard Matrix.parts[architecture]?.contains(target) ?? false else { return .noSuchPart }
      return cells[architecture]?[group].map(Entry.cell) ?? .gap
    }
  }

  package private(set) var rows: [Row] = []
  /// Which results it is made of.
  package private(set) var sources: [String] = []

  /// The rows of the first result stand first; a fault that several results have is taken from the first of them.
  package init(_ results: [ExperimentResult]) {
    for result in results {
      let new = Matrix.faults(of: result).filter { fault in !rows.contains { $0.fault == fault.name } }
      rows += new.map { fault in
        Row(
          fault: fault.name, target: fault.target,
          cells: Dictionary(
            uniqueKeysWithValues: Matrix.architectures.map {
              ($0, Matrix.cells(of: fault.name, in: result, $0))
            }))
      }
      if !new.isEmpty { sources.append(result.name) }
    }
  }

  /// The faults during which all five uses were looked at in some run, in order. What takes no time (keys that are removed,
  /// messages in the log) is none: nothing is asked meanwhile.
  private static func faults(of result: ExperimentResult) -> [(name: String, target: String)] {
    var found: [(name: String, target: String)] = []
    for fault in result.runs.flatMap(\.faults)
    where fault.metrics["mine.count@during"] ?? 0 > 0 && fault.window.to - fault.window.from > 0.05 {
      if !found.contains(where: { $0.name == fault.window.name }) {
        found.append((fault.window.name, fault.target))
      }
    }
    return found
  }

  /// The cells that every round of every variant of that architecture has.
  private static func cells(of fault: String, in result: ExperimentResult, _ architecture: String)
    -> [String: Cell]
  {
    let variants = Set(result.variants.filter { $0.architecture == architecture }.map(\.name))
    let runs = result.runs.filter { variants.contains($0.variant) }
    let faulted = runs.filter { $0.faults.contains { $0.window.name == fault } }
    let figures = faulted.flatMap(\.faults).filter { $0.window.name == fault }
    let expected = Set(faulted.map(\.variant)).count * result.rounds
    var cells: [String: Cell] = [:]
    for use in uses { cells[use.group] = cell(use.group, figures, expected: expected) }
    return cells
  }

  /// - Parameter expected: how many values it must be made of; nil where there are fewer.
  private static func cell(_ group: String, _ figures: [FaultFigures], expected: Int) -> Cell? {
    func values(_ metric: String) -> [Double] { figures.compactMap { $0.metrics["\(group).\(metric)"] } }
    let shares = values("good@during")
    guard expected > 0, shares.count >= expected, let good = Spread(shares)?.median else { return nil }
    let watched = figures.compactMap { $0.unrecovered[group] }
    let recovered = values("recover_s") + watched.map { _ in .infinity }
    guard recovered.isEmpty || recovered.count >= expected else { return nil }
    let recovery = Spread(recovered).map { spread in
      spread.median.isFinite ? Cell.Recovery.after(spread.median) : .notWithin(watched.min() ?? 0)
    }
    return Cell(
      good: good, recovery: recovery, during: Spread(values("p50_ms@during"))?.median,
      before: Spread(values("p50_ms@before"))?.median)
  }

  /// Why a result must not become a part of the matrix; nil where it may, or has nothing for it.
  package static func objection(to result: ExperimentResult) -> String? {
    guard !faults(of: result).isEmpty else { return nil }
    if result.isQuick { return "the result of \(result.name) is of --quick, which is only a test" }
    if let run = result.unverified.first {
      return "the result of \(result.name) is not verified: \(run.variant), round \(run.round)"
    }
    return result.passed ? nil : "in the result of \(result.name) not everything holds that was expected"
  }

  /// Cells that a run should have measured and did not, or not in every round.
  package var gaps: [String] {
    rows.flatMap { row in
      Matrix.architectures.flatMap { architecture in
        Matrix.uses.filter { row.entry(architecture, $0.group) == .gap }
          .map { "\(row.fault), \(architecture): \($0.title)" }
      }
    }
  }
}
