import Figures

/// A metric over several rounds.
package struct Spread: Codable, Hashable, Sendable {
  package var median: Double
  package var min: Double
  package var max: Double
  /// How many values it is made of: a round may have none.
  package var count: Int

  /// Nil where there is no value.
  package init?(_ values: [Double]) {
    let sorted = values.sorted()
    guard let first = sorted.first, let last = sorted.last else { return nil }
    let middle = sorted.count / 2
    median = sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
    (min, max, count) = (first, last, sorted.count)
  }
}

/// What all rounds measured: variant ─▶ metric ─▶ a value each round, nil where a round has none.
package struct Measured: Hashable, Sendable {
  private var values: [String: [String: [Double?]]] = [:]
  package private(set) var rounds = 0

  package init() {}

  /// Adds one round: variant ─▶ metric's text ─▶ value.
  package mutating func add(round: [String: [String: Double]]) {
    rounds += 1
    for (variant, metrics) in round {
      for (metric, value) in metrics where value.isFinite {
        var list = values[variant]?[metric] ?? []
        list += repeatElement(nil, count: rounds - 1 - list.count)
        values[variant, default: [:]][metric] = list + [value]
      }
    }
  }

  /// A value each round.
  package func values(_ place: Expectation.Place) -> [Double?] {
    let found = values[place.variant]?[place.metric.description] ?? []
    return found + repeatElement(nil, count: rounds - found.count)
  }

  /// Variant ─▶ metric ─▶ spread.
  package var spreads: [String: [String: Spread]] {
    values.mapValues { $0.compactMapValues { Spread($0.compactMap { $0 }) } }
  }
}

/// What became of an expectation.
///
/// Inequalities are judged over the medians of the rounds; `==` and `!=` must hold in every round, because one coupon too
/// many in one of three rounds is one too many. A metric without a value in some round was never evaluated, and that fails.
package struct Judgement: Codable, Hashable, Sendable {
  package enum Verdict: String, Codable, Hashable, Sendable {
    case holds, fails
    case neverEvaluated = "never-evaluated"
  }

  package var expectation: String
  package var verdict: Verdict
  /// The medians that were compared.
  package var left: Double?
  package var right: Double?
  package var detail: String

  package init(_ expectation: Expectation, _ measured: Measured) {
    self.expectation = expectation.text
    let lefts = measured.values(expectation.left)
    let rights: [Double?] =
      switch expectation.right {
      case .number(let number): lefts.map { _ in number }
      case .place(let place, let factor): measured.values(place).map { $0.map { $0 * factor } }
      }
    (left, right) = (Spread(lefts.compactMap { $0 })?.median, Spread(rights.compactMap { $0 })?.median)
    let pairs = zip(lefts, rights).compactMap { left, right in left.flatMap { l in right.map { (l, $0) } } }
    guard let left, let right, !pairs.isEmpty, pairs.count == measured.rounds else {
      verdict = .neverEvaluated
      detail = "measured in \(pairs.count) of \(measured.rounds) rounds"
      return
    }
    switch expectation.comparison {
    case .equal, .different:
      let good = pairs.count { expectation.comparison.holds($0.0, $0.1) }
      verdict = good == pairs.count ? .holds : .fails
      detail = "in \(good) of \(pairs.count) rounds"
    case .less, .atMost, .more, .atLeast:
      verdict = expectation.comparison.holds(left, right) ? .holds : .fails
      detail = "median of \(pairs.count) \(pairs.count == 1 ? "round" : "rounds")"
    }
  }
}
