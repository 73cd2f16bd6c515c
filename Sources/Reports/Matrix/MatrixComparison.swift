import Terminal

/// Where the event-driven version does worse than the monolith, which does not know some of the faults at all.
extension Matrix {
  package struct Worse: Hashable, Sendable {
    package var fault: String
    package var use: String
    /// `60 % good (monolith: has no such part)`; one a way in which it is worse.
    package var reasons: [String]
  }

  /// Fewer good answers, slow ones, or a recovery that takes clearly longer.
  package var whereEdaIsWorse: [Worse] {
    rows.flatMap { row in
      Matrix.uses.compactMap { use in
        guard case .cell(let eda) = row.entry("eda", use.group) else { return nil }
        let reasons: [String]
        switch row.entry("monolith", use.group) {
        case .cell(let monolith): reasons = Matrix.reasons(eda, monolith)
        case .unaffected: reasons = Matrix.reasons(eda, nil)
        // Nothing to compare with, and said so.
        case .gap: return nil
        }
        return reasons.isEmpty ? nil : Worse(fault: row.fault, use: use.title, reasons: reasons)
      }
    }
  }

  /// - Parameter monolith: nil where it has no such part, and so answers everything as ever.
  private static func reasons(_ eda: Cell, _ monolith: Cell?) -> [String] {
    var reasons: [String] = []
    func add(_ text: String, _ other: String) {
      reasons.append("\(text) (monolith: \(monolith == nil ? "has no such part" : other))")
    }
    if eda.good < (monolith?.good ?? 1) - 0.02 {
      add("\(percent(eda.good)) good", percent(monolith?.good ?? 1))
    }
    // Without good answers there is no latency to compare.
    if eda.isSlow, let during = eda.during, monolith.map({ !$0.isSlow && $0.during != nil }) ?? true {
      let other = "\(milliseconds(monolith?.during ?? 0)), \(percent(monolith?.good ?? 1)) good"
      add("slow, median \(milliseconds(during))", other)
    }
    if let text = recoversLater(eda.recovery, monolith?.recovery) { add(text, words(monolith?.recovery)) }
    return reasons
  }

  /// Nil where it does not, or by no more than a second.
  private static func recoversLater(_ eda: Cell.Recovery?, _ monolith: Cell.Recovery?) -> String? {
    switch (eda, monolith) {
    case (nil, _), (_, .notWithin): nil
    case (.notWithin, _): words(eda)
    case (.after(let eda), .after(let monolith)): eda > monolith + 1 ? words(.after(eda)) : nil
    case (.after(let seconds), nil): seconds > 1 ? words(.after(seconds)) : nil
    }
  }

  private static func words(_ recovery: Cell.Recovery?) -> String {
    switch recovery {
    case .after(let seconds) where seconds <= 0: "recovered at once"
    case .after(let seconds): "recovered after \(Numbers.decimal(max(seconds, 0.1), digits: 1)) s"
    case .notWithin(let seconds): "not recovered within \(Numbers.decimal(seconds, digits: 1)) s"
    case nil: "not asked afterwards"
    }
  }

  private static func percent(_ share: Double) -> String { Numbers.decimal(share * 100, digits: 0) + " %" }

  private static func milliseconds(_ value: Double) -> String { Numbers.duration(milliseconds: value) }
}
