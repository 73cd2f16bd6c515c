import Terminal

/// The words of the matrix, which its tables and its picture share.
enum MatrixText {
  /// What an entry is, the better ones first.
  enum Kind: String, CaseIterable {
    case unharmed, slow, unclear, some, most, unaffected, gap

    init(_ entry: Matrix.Entry) {
      switch entry {
      case .unaffected: self = .unaffected
      case .gap: self = .gap
      case .cell(let cell):
        self =
          switch cell.state {
          case .unharmed: .unharmed
          case .slow: .slow
          case .unclear: .unclear
          case .some: .some
          case .most: .most
          }
      }
    }

    var mark: String {
      switch self {
      case .unharmed: "✓"
      case .slow: "◷"
      case .unclear: "~"
      case .some: "▲"
      case .most: "✕"
      case .unaffected: "○"
      case .gap: "?"
      }
    }

    var words: String {
      switch self {
      case .unharmed: "answered as usual (99 % or more)"
      case .slow: "answered, but slowly (over 100 ms and 3 times as long)"
      case .unclear: "answered; too few answers to say how fast"
      case .some: "some answers bad"
      case .most: "most answers bad, or not recovered"
      case .unaffected: "unaffected: has no such part"
      case .gap: "not measured in every round"
      }
    }
  }

  static let legend = Kind.allCases.map { (mark: $0.mark, words: $0.words) }

  /// `✓ 100 % of 300`, `✕ 3 % of 300, +1.2 s`, `▲ 67 % of 300, slow`, `○ unaffected`.
  static func cell(_ entry: Matrix.Entry) -> String {
    let kind = Kind(entry)
    guard case .cell(let cell) = entry else {
      return "\(kind.mark) \(kind == .gap ? "not measured" : "unaffected")"
    }
    let slow = cell.isSlow ? ", slow" : ""
    return "\(kind.mark) \(share(cell)) of \(Numbers.count(cell.asked))\(slow)"
      + (recovery(cell).map { ", \($0)" } ?? "")
  }

  /// As people write it: `Redis outage`.
  static func fault(_ name: String) -> String {
    for (key, word) in [("redis", "Redis"), ("kafka", "Kafka")] where name.hasPrefix(key) {
      return word + name.dropFirst(key.count)
    }
    return name
  }

  /// Never rounded up to all.
  static func share(_ cell: Matrix.Cell) -> String {
    let share = cell.good < 1 ? min(cell.good, 0.999) : 1
    return Numbers.decimal(share * 100, digits: share < 1 && share > 0.99 ? 1 : 0) + " %"
  }

  /// `+1.2 s` after the fault's end, or `> 3.5 s`; nil where nothing failed then, or nobody asked.
  static func recovery(_ cell: Matrix.Cell) -> String? {
    switch cell.recovery {
    case nil: nil
    case .after(let seconds) where seconds <= 0: nil
    // Never rounded down to nothing.
    case .after(let seconds): "+\(Numbers.decimal(max(seconds, 0.1), digits: 1)) s"
    case .notWithin(let seconds): "> \(Numbers.decimal(seconds, digits: 1)) s"
    }
  }

  /// How the shares came about, a sentence each.
  static func conditions(_ matrix: Matrix) -> [String] {
    let asked = matrix.rows.flatMap { $0.cells.values.flatMap(\.values) }.map(\.asked)
    let conditions = matrix.conditions
    let rounds = conditions.rounds.sorted().map(String.init).joined(separator: " or ")
    let length = range(conditions.lengths, digits: 1)
    let deadlines = conditions.deadlines.map { Double($0) / 1_000 }
    var sentences = [
      "One thing is broken at a time\(length.map { ", for \($0) s," } ?? "") while people arrive at a steady rate, and each asks once.",
      "A cell is the share of good answers to the requests made during the fault, the median of \(rounds) "
        + (conditions.rounds == [1] ? "round" : "rounds")
        + (range(asked.map(Double.init), digits: 0).map { "; n = \($0) requests a cell in all of them." }
          ?? "."),
    ]
    if let deadline = range(deadlines, digits: 1) {
      sentences.append("The programs give up a request after \(deadline) s, its deadline.")
    }
    // Said so that nobody takes it for an answer of the broken part.
    if let deadline = deadlines.max(), let shortest = conditions.lengths.min(),
      let longest = conditions.lengths.max(),
      shortest > 0
    {
      let middle = (shortest + longest) / 2
      sentences.append(
        "A request that is due shortly before the end of a server's hang or stop is answered "
          + "when the server is back: this alone makes up to "
          + "\(Numbers.decimal(min(1, deadline / middle) * 100, digits: 0)) % of such a cell good, although nothing works "
          + "during the fault. "
          + "A stopped program ends no wait: there requests wait until the client's own timeout."
      )
    }
    return sentences
  }

  /// `2.5` or `2.4…2.6`; nil of nothing.
  private static func range(_ values: [Double], digits: Int) -> String? {
    guard let least = values.min(), let most = values.max() else { return nil }
    let texts = [least, most].map { Numbers.decimal($0, digits: digits) }
    return texts[0] == texts[1] ? trimmed(texts[0]) : texts.joined(separator: "…")
  }

  /// `2.0` as `2`.
  private static func trimmed(_ text: String) -> String {
    text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }
}
