/// The bytes that HTTP's grammar is made of, and the fast searches for them.
enum ByteScan {
  static let tab = UInt8(ascii: "\t")
  static let lineFeed = UInt8(ascii: "\n")
  static let carriageReturn = UInt8(ascii: "\r")
  static let space = UInt8(ascii: " ")
  static let colon = UInt8(ascii: ":")

  /// The first control character (below 0x20, or 0x7f) in `from..<to`, or `to`.
  ///
  /// Eight bytes at a time: `(w - n) & ~w & 0x80` marks the bytes below n, exactly so for the lowest one
  /// marked.
  @inline(__always)
  static func firstControl(_ base: UnsafeRawPointer, from: Int, to: Int) -> Int {
    var index = from
    while index &+ 8 <= to {
      let word = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: index, as: UInt64.self))
      let deleted = word ^ 0x7f7f_7f7f_7f7f_7f7f
      let marks =
        (((word &- 0x2020_2020_2020_2020) & ~word) | ((deleted &- 0x0101_0101_0101_0101) & ~deleted))
        & 0x8080_8080_8080_8080
      if marks != 0 { return index &+ marks.trailingZeroBitCount >> 3 }
      index &+= 8
    }
    while index < to {
      let byte = base.load(fromByteOffset: index, as: UInt8.self)
      if byte < 0x20 || byte == 0x7f { return index }
      index &+= 1
    }
    return to
  }

  @inline(__always)
  static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

  @inline(__always)
  static func lowercased(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }

  /// Whether the bytes at `base` spell `word` (which is in lower case) in any case.
  @inline(__always)
  static func spells(_ base: UnsafeRawPointer, _ count: Int, _ word: StaticString) -> Bool {
    guard count == word.utf8CodeUnitCount else { return false }
    let expected = word.utf8Start
    for index in 0..<count
    where lowercased(base.load(fromByteOffset: index, as: UInt8.self)) != expected[index] { return false }
    return true
  }

  /// Blanks at both ends are not part of a value (RFC 9110, 5.5).
  @inline(__always)
  static func trimmed(_ base: UnsafeRawPointer, _ range: Range<Int>) -> Range<Int> {
    var start = range.lowerBound
    var end = range.upperBound
    while start < end, isBlank(base.load(fromByteOffset: start, as: UInt8.self)) { start &+= 1 }
    while end > start, isBlank(base.load(fromByteOffset: end &- 1, as: UInt8.self)) { end &-= 1 }
    return Range(uncheckedBounds: (start, end))
  }

  @inline(__always)
  static func isBlank(_ byte: UInt8) -> Bool { byte == space || byte == tab }
}
