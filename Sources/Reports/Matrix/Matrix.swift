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

  /// For people who do not know the programs' names.
  static func title(of architecture: String) -> String {
    ["monolith": "monolith", "eda": "event-driven (eda)"][architecture] ?? architecture
  }

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
    /// How many requests were due meanwhile, in all rounds.
    package var asked: Int
    /// Nil where nobody asked after the fault.
    package var recovery: Recovery?
    /// Median latency of good answers in milliseconds, during the fault and before it; nil of too few answers.
    package var during: Double?
    package var before: Double?

    package init(
      good: Double, asked: Int = 0, recovery: Recovery?, during: Double? = nil, before: Double? = nil
    ) {
      (self.good, self.asked, self.recovery) = (good, asked, recovery)
      (self.during, self.before) = (during, before)
    }

    package enum Slowness: Sendable { case no, yes, unknown }

    /// Whether those who were answered well felt it, too. Of too few good answers that is unknown, and never a "no".
    package var slowness: Slowness {
      guard let during, let before else { return .unknown }
      return during > 100 && during > 3 * before ? .yes : .no
    }

    package var isSlow: Bool { slowness == .yes }

    package var isRecovered: Bool { if case .notWithin = recovery { false } else { true } }

    package enum State: Sendable {
      /// Nearly all answers are good, and as fast as ever.
      case unharmed
      /// Nearly all are good, but late; or too few to know.
      case slow, unclear
      /// Some are bad.
      case some
      /// Most are bad, or the last one still was.
      case most
    }

    package var state: State {
      if good < 0.5 || !isRecovered { return .most }
      if good < 0.99 { return .some }
      return switch slowness {
      case .no: .unharmed
      case .yes: .slow
      case .unknown: .unclear
      }
    }
  }

  /// What a row has for one use of one architecture.
  package enum Entry: Hashable, Sendable {
    case cell(Cell)
    /// It should have been measured, and was not, or not in every round.
    case gap
    /// The architecture has no such part, so nobody notices.
    case unaffected
  }

  package struct Row: Hashable, Sendable {
    package var fault: String
    /// What was broken, as `FaultFigures` names it.
    package var target: String
    /// Architecture ─▶ group ─▶ cell.
    package var cells: [String: [String: Cell]]

    package func entry(_ architecture: String, _ group: String) -> Entry {
      guard Matrix.parts[architecture]?.contains(target) ?? false else { return .unaffected }
      return cells[architecture]?[group].map(Entry.cell) ?? .gap
    }
  }

  package private(set) var rows: [Row] = []
  /// Which results it is made of.
  package private(set) var sources: [String] = []
  package private(set) var conditions = Conditions()

  /// What a reader must know to understand the shares.
  package struct Conditions: Hashable, Sendable {
    /// How long the faults lasted, in seconds.
    package fileprivate(set) var lengths: [Double] = []
    /// After which time the programs answer that they cannot, in milliseconds.
    package fileprivate(set) var deadlines: Set<Int> = []
    package fileprivate(set) var rounds: Set<Int> = []
  }

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
      guard !new.isEmpty else { continue }
      sources.append(result.name)
      conditions.rounds.insert(result.rounds)
      for fault in result.runs.flatMap(\.faults) where new.contains(where: { $0.name == fault.window.name }) {
        conditions.lengths.append(fault.window.to - fault.window.from)
      }
      for settings in result.variants.flatMap(\.programSettings.values) {
        if let deadline = settings["REQUEST_DEADLINE_MS"].flatMap(Int.init) {
          conditions.deadlines.insert(deadline)
        }
      }
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
    for use in uses {
      var cell = cell(use.group, figures, expected: expected)
      // Between two faults too few may have asked; before the first of them the run was as quiet.
      let quiet = faulted.compactMap { $0.metrics["\(use.group).p50_ms@before"] }
      if cell?.before == nil { cell?.before = Spread(quiet)?.median }
      cells[use.group] = cell
    }
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
      good: good, asked: Int(values("count@during").reduce(0, +)), recovery: recovery,
      during: Spread(values("p50_ms@during"))?.median,
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
