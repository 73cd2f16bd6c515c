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

  /// What was measured while a fault lasted; medians of all runs.
  package struct Cell: Hashable, Sendable {
    /// Share of good answers.
    package var good: Double
    /// Seconds from the fault's end to the last bad answer; nil where nobody asked after it.
    package var recover: Double?
    /// Median latency in milliseconds, during the fault and before it.
    package var during: Double?
    package var before: Double?

    package init(good: Double, recover: Double?, during: Double? = nil, before: Double? = nil) {
      (self.good, self.recover, self.during, self.before) = (good, recover, during, before)
    }

    /// Answered well, and yet felt.
    package var isSlow: Bool {
      guard let during, let before else { return false }
      return during > 100 && during > 3 * before
    }

    package enum Colour: String, Sendable { case good, fair, bad }

    package var colour: Colour { good < 0.5 ? .bad : good < 0.99 || isSlow ? .fair : .good }
  }

  package struct Row: Hashable, Sendable {
    package var fault: String
    /// Architecture ─▶ group ─▶ cell. An architecture that has no such part is not here.
    package var cells: [String: [String: Cell]]

    package init(fault: String, cells: [String: [String: Cell]]) { (self.fault, self.cells) = (fault, cells) }
  }

  package private(set) var rows: [Row] = []
  /// Which results it is made of.
  package private(set) var sources: [String] = []

  /// The rows of the first result stand first; a fault that several results have is taken from the first of them.
  package init(_ results: [ExperimentResult]) {
    for result in results {
      let architecture = Dictionary(uniqueKeysWithValues: result.variants.map { ($0.name, $0.architecture) })
      var found: [String] = []
      var figures: [String: [String: [FaultFigures]]] = [:]
      for run in result.runs {
        guard let name = architecture[run.variant] else { continue }
        for fault in run.faults where fault.metrics["mine.count@during"] ?? 0 > 0 {
          if !found.contains(fault.window.name) { found.append(fault.window.name) }
          figures[fault.window.name, default: [:]][name, default: []].append(fault)
        }
      }
      let new = found.filter { name in !rows.contains { $0.fault == name } }
      rows += new.map { Row(fault: $0, cells: (figures[$0] ?? [:]).mapValues(Matrix.cells)) }
      if !new.isEmpty { sources.append(result.name) }
    }
  }

  private static func cells(_ figures: [FaultFigures]) -> [String: Cell] {
    func median(_ metric: String) -> Double? { Spread(figures.compactMap { $0.metrics[metric] })?.median }
    var cells: [String: Cell] = [:]
    for use in uses {
      guard let good = median("\(use.group).good@during") else { continue }
      cells[use.group] = Cell(
        good: good, recover: median("\(use.group).recover_s"), during: median("\(use.group).p50_ms@during"),
        before: median("\(use.group).p50_ms@before"))
    }
    return cells
  }

  /// Where the event-driven version answers worse than the monolith, which does not know some of the faults at all.
  package var whereEdaIsWorse: [(fault: String, use: String, monolith: Double?, eda: Double)] {
    rows.flatMap { row in
      Matrix.uses.compactMap { use in
        guard let eda = row.cells["eda"]?[use.group]?.good else { return nil }
        let monolith = row.cells["monolith"]?[use.group]?.good
        return eda < (monolith ?? 1) - 0.02 ? (row.fault, use.title, monolith, eda) : nil
      }
    }
  }

  /// Cells that a run should have measured and did not.
  package var gaps: [String] {
    rows.flatMap { row in
      row.cells.flatMap { architecture, cells in
        Matrix.uses.filter { cells[$0.group] == nil }.map { "\(row.fault), \(architecture): \($0.title)" }
      }
    }.sorted()
  }
}
