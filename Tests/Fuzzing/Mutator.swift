package import TestSupport

/// Changes a good input a little, as damage and malice do. The same generator gives the same inputs.
package struct Mutator: Sendable {
  private let corpus: [[UInt8]]
  /// Pieces of the format that make more trouble than random bytes.
  private let tokens: [[UInt8]]
  private let maximumLength: Int

  private static let everywhere = [
    "", "\0", "\n", "\r\n", "\t", " ", "\"", "\\", "-", "-1", "0", "65535", "65536", "2147483648",
    "9223372036854775807", "9223372036854775808", "18446744073709551616", "1e999", "é", "쿠폰", "\u{feff}", "😀",
    "\u{202e}", "%00", "%", "{", "}", "[", "]", ",", ":", "=", "#", "/",
  ]

  package init(corpus: [[UInt8]], tokens: [String], maximumLength: Int) {
    self.corpus = corpus.isEmpty ? [[]] : corpus
    self.tokens = (tokens + Mutator.everywhere).map { Array($0.utf8) }
    self.maximumLength = maximumLength
  }

  package func input(_ random: inout SeededGenerator) -> [UInt8] {
    var bytes = pick(corpus, &random)
    // Now and then as it is: what is valid must stay taken.
    for _ in 0..<Int.random(in: 0...6, using: &random) { change(&bytes, &random) }
    if bytes.count > maximumLength { bytes.removeLast(bytes.count - maximumLength) }
    return bytes
  }

  private func pick(_ list: [[UInt8]], _ random: inout SeededGenerator) -> [UInt8] {
    list[Int.random(in: 0..<list.count, using: &random)]
  }

  private func change(_ bytes: inout [UInt8], _ random: inout SeededGenerator) {
    let at = Int.random(in: 0...bytes.count, using: &random)
    switch Int.random(in: 0..<10, using: &random) {
    case 0: if at < bytes.count { bytes[at] = UInt8.random(in: .min ... .max, using: &random) }
    case 1: if at < bytes.count { bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random) }
    case 2: bytes.removeSubrange(at..<min(bytes.count, at + Int.random(in: 1...20, using: &random)))
    case 3: bytes.insert(UInt8.random(in: .min ... .max, using: &random), at: at)
    case 4: bytes.removeLast(bytes.count - at)
    case 5, 6: bytes.insert(contentsOf: pick(tokens, &random), at: at)
    case 7:
      let token = pick(tokens, &random)
      bytes.replaceSubrange(at..<min(bytes.count, at + token.count), with: token)
    case 8:
      // A piece of another input, or of this one once more.
      let other = Bool.random(using: &random) ? pick(corpus, &random) : bytes
      guard !other.isEmpty else { return }
      let from = Int.random(in: 0..<other.count, using: &random)
      let to = min(other.count, from + Int.random(in: 1...64, using: &random))
      bytes.insert(contentsOf: other[from..<to], at: at)
    default:
      guard at < bytes.count else { return }
      let count = Int.random(in: 1...300, using: &random)
      bytes.insert(contentsOf: [UInt8](repeating: bytes[at], count: count), at: at)
    }
  }
}
