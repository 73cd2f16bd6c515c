package import Figures
package import Verify

/// What an experiment claims, in a form that can turn out to be false.
///
///     monolith.bystander.failed > 0.5 during fault
///     eda.coupons.p99_ms < monolith.coupons.p99_ms * 0.5
///     each.oversold == 0
package struct Expectation: Hashable, Sendable {
  package enum Comparison: String, Hashable, Sendable, CaseIterable {
    case less = "<"
    case atMost = "<="
    case more = ">"
    case atLeast = ">="
    case equal = "=="
    case different = "!="

    package func holds(_ left: Double, _ right: Double) -> Bool {
      switch self {
      case .less: left < right
      case .atMost: left <= right
      case .more: left > right
      case .atLeast: left >= right
      case .equal: left == right
      case .different: left != right
      }
    }
  }

  package struct Place: Hashable, Sendable {
    package let variant: String
    package let metric: Metric
  }

  package enum Right: Hashable, Sendable {
    case number(Double)
    /// Another variant's metric, times a factor.
    case place(Place, factor: Double)
  }

  /// As it was written; with `each` replaced by the variant.
  package let text: String
  package let left: Place
  package let comparison: Comparison
  package let right: Right

  /// The word that stands for every variant.
  package static let each = "each"

  /// One expectation, or one for each variant.
  ///
  /// - Throws: `Malformed`.
  package static func parse(_ text: String, variants: [String]) throws(Malformed) -> [Expectation] {
    if text.hasPrefix(each + ".") {
      let rest = text.dropFirst(each.count)
      var all: [Expectation] = []
      for variant in variants { all.append(try Expectation(variant + rest, variants: variants)) }
      return all
    }
    return [try Expectation(text, variants: variants)]
  }

  package struct Malformed: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String
    init(_ description: String) { self.description = description }
  }

  package init(_ text: String, variants: [String]) throws(Malformed) {
    var words = text.split(separator: " ").map(String.init)
    let window = try Expectation.window(&words)
    guard words.count >= 3, let comparison = Comparison(rawValue: words[1]) else {
      throw Malformed(
        "must read VARIANT.METRIC \(Comparison.allCases.map(\.rawValue).joined(separator: "|")) NUMBER")
    }
    (self.text, self.comparison) = (text, comparison)
    left = try Expectation.place(words[0], window, variants)
    right = try Expectation.right(Array(words[2...]), window, variants)
  }

  /// `before fault`, `during fault` or `after fault` at the end.
  private static func window(_ words: inout [String]) throws(Malformed) -> Window {
    guard words.last == "fault" else { return .whole }
    guard words.count >= 2, let window = Window(rawValue: words[words.count - 2]), window != .whole else {
      throw Malformed("“fault” must follow before, during or after")
    }
    words.removeLast(2)
    return window
  }

  /// `METRIC`, or `METRIC during fault`.
  static func metric(_ text: String) throws(Malformed) -> Metric {
    var words = text.split(separator: " ").map(String.init)
    let window = try window(&words)
    guard words.count == 1 else { throw Malformed("“\(text)” is not a metric") }
    return try metric(words[0], window)
  }

  private static func metric(_ name: String, _ window: Window) throws(Malformed) -> Metric {
    guard let metric = Metric(name, window) else { throw Malformed(Metric.problem(name, window)) }
    return metric
  }

  private static func place(_ word: String, _ window: Window, _ variants: [String]) throws(Malformed) -> Place
  {
    guard let dot = word.firstIndex(of: ".") else {
      throw Malformed("“\(word)” is not a metric of a variant")
    }
    let variant = String(word[..<dot])
    guard variants.contains(variant) else {
      throw Malformed("“\(variant)” is not a variant (\(variants.joined(separator: ", ")))")
    }
    return Place(variant: variant, metric: try metric(String(word[word.index(after: dot)...]), window))
  }

  private static func right(_ words: [String], _ window: Window, _ variants: [String]) throws(Malformed)
    -> Right
  {
    if words.count == 1, let number = Double(words[0]), number.isFinite { return .number(number) }
    if words.count == 1 { return .place(try place(words[0], window, variants), factor: 1) }
    guard words.count == 3, words[1] == "*", let factor = Double(words[2]), factor.isFinite else {
      throw Malformed(
        "“\(words.joined(separator: " "))” is neither a number nor VARIANT.METRIC nor VARIANT.METRIC * NUMBER"
      )
    }
    return .place(try place(words[0], window, variants), factor: factor)
  }

  /// Whether it can be judged from some variants alone.
  package func speaks(onlyOf variants: Set<String>) -> Bool {
    guard variants.contains(left.variant) else { return false }
    if case .place(let place, _) = right { return variants.contains(place.variant) }
    return true
  }

  /// Metrics that say that something is wrong, with the invariants that they are about.
  private static let wrongs: [String: Set<Invariant>] = [
    "oversold": [.quota], "duplicates": [.onePerPerson],
    "lost": [.acknowledgedIsRecorded], "accepted.failed": [.acknowledgedIsRecorded],
    "wrong": [.quota, .onePerPerson, .acknowledgedIsRecorded], "missing": [.healing],
    "findings": Set(Invariant.allCases),
  ]

  /// The invariants that need not hold in runs of the variant on the left, because this states that they do not: where
  /// 0 of a metric is not enough for it.
  package var excused: Set<Invariant> {
    guard case .number(let number) = right, !comparison.holds(0, number) else { return [] }
    return Expectation.wrongs[left.metric.name] ?? []
  }
}
