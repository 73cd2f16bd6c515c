import Scenarios
import Terminal

/// The median of several rounds for people, and the least and the greatest where they differ, all in the unit that suits
/// the median: `1.28 s` and `1.10…1.31`.
struct SpreadText {
  /// Times are in ms, CPU in s, memory in MiB, shares from 0 to 1.
  enum Unit { case count, time, share, cpu, memory }

  let median: String
  /// Empty where all rounds say the same.
  let range: String

  static let absent = SpreadText(median: "–", range: "")

  /// - Parameters:
  ///   - rounds: where fewer have a value, that is said.
  ///   - isMarked: times and CPU are marked.
  init(_ spread: Spread?, _ unit: Unit, rounds: Int, isMarked: Bool = false) {
    guard let spread else {
      self = .absent
      return
    }
    let (factor, digits, name) = SpreadText.scale(unit, spread.median)
    func text(_ value: Double) -> String { Numbers.decimal(value * factor, digits: digits) }
    let mark = isMarked && (unit == .time || unit == .cpu) ? ReportFigure.mark : ""
    median = mark + text(spread.median) + name
    let ends = [text(spread.min), text(spread.max)]
    range = [
      ends[0] == ends[1] ? nil : ends.joined(separator: "…"),
      spread.count < rounds ? "\(spread.count) of \(rounds)" : nil,
    ].compactMap { $0 }.joined(separator: "; ")
  }

  private init(median: String, range: String) { (self.median, self.range) = (median, range) }

  /// Both in a line.
  var text: String { range.isEmpty ? median : "\(median) (\(range))" }

  private static func scale(_ unit: Unit, _ median: Double) -> (factor: Double, digits: Int, name: String) {
    switch unit {
    case .count: (1, median == median.rounded() ? 0 : 1, "")
    case .share: (100, 1, " %")
    case .cpu: (1, 1, " s")
    case .memory: (1, median < 10 ? 1 : 0, " MiB")
    case .time where median >= 9_995: (0.001, 1, " s")
    case .time where median >= 999.5: (0.001, 2, " s")
    case .time: (1, median < 0.995 ? 2 : median < 99.95 ? 1 : 0, " ms")
    }
  }
}
