import Text

/// Reads one flat JSON object strictly and records the positions of known fields' values.
///
/// It accepts UTF-8 without a byte order mark, the grammar of RFC 8259, and nothing before or after the
/// object. Control characters and lone surrogates are rejected in every text (PostgreSQL stores neither), as
/// is nesting of more than eight levels in unknown fields. A known field that occurs twice is rejected: two
/// readers could choose different values.
package struct JSONFields {
  package enum Value: Equatable {
    /// The position of the text between its quotes, and whether it has escapes.
    case text(Range<Int>, escaped: Bool)
    /// Written without fraction or exponent, in at most 18 digits.
    case integer(Int64)
    /// The position of any other number.
    case decimal(Range<Int>)
    case other
  }

  package enum Failure: Error { case notJSON, badText, repeatedField }

  private static let maximumDepth = 8
  private let bytes: [UInt8]
  private let names: [[UInt8]]
  private var position = 0
  private var values: [Value?]
  /// The index of the known field that is likely to come next.
  private var expected = 0
  /// The first field that is not among the known ones; readers of the log ignore it.
  package private(set) var unknownField: String?

  /// Reads `bytes`; `names` are the known fields.
  package init(_ bytes: [UInt8], names: [[UInt8]]) throws(Failure) {
    (self.bytes, self.names) = (bytes, names)
    values = Array(repeating: nil, count: names.count)
    try readObject()
  }

  /// The value of the field with this index among the names; nil if it is missing.
  package subscript(_ index: Int) -> Value? { values[index] }

  /// The text itself.
  package func text(_ range: Range<Int>, escaped: Bool) -> String {
    escaped
      ? String(decoding: unescaped(range), as: UTF8.self) : String(decoding: bytes[range], as: UTF8.self)
  }

  /// The value of a whole number in any notation: `1000`, `1000.0` and `1e3` are the same number in JSON and
  /// for the contract's `type: integer`. Nil for anything else. A number with a fraction or an exponent is
  /// parsed as a double.
  package func wholeNumber(_ value: Value) -> Int64? {
    switch value {
    case .integer(let number): number
    case .decimal(let range): Double(text(range, escaped: false)).flatMap { Int64(exactly: $0) }
    case .text, .other: nil
    }
  }

  // MARK: The object

  private mutating func readObject() throws(Failure) {
    skipSpace()
    try expect("{")
    skipSpace()
    if take("}") { return try expectEnd() }
    while true {
      guard take("\"") else { throw .notJSON }
      let key = try readText()
      skipSpace()
      try expect(":")
      skipSpace()
      let known = index(ofKey: key)
      let value = try readValue(depth: 1)
      if let known {
        guard values[known] == nil else { throw .repeatedField }
        values[known] = value
      } else if unknownField == nil {
        unknownField = text(key.range, escaped: key.escaped)
      }
      skipSpace()
      if take("}") { return try expectEnd() }
      try expect(",")
      skipSpace()
    }
  }

  private mutating func index(ofKey key: (range: Range<Int>, escaped: Bool)) -> Int? {
    if key.escaped { return names.firstIndex(of: unescaped(key.range)) }
    // Writers keep an order, so the field after the last one is tried first.
    if expected < names.count, isName(expected, key.range) {
      expected += 1
      return expected - 1
    }
    guard let index = names.indices.first(where: { isName($0, key.range) }) else { return nil }
    expected = index + 1
    return index
  }

  private func isName(_ index: Int, _ range: Range<Int>) -> Bool {
    names[index].count == range.count && names[index].elementsEqual(bytes[range])
  }

  // MARK: Values

  private mutating func readValue(depth: Int) throws(Failure) -> Value {
    guard depth <= JSONFields.maximumDepth, let byte = peek else { throw .notJSON }
    switch byte {
    case UInt8(ascii: "\""):
      position += 1
      let (range, escaped) = try readText()
      return .text(range, escaped: escaped)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try readNumber()
    case UInt8(ascii: "{"): try skipNested(depth, keyed: true, "}")
    case UInt8(ascii: "["): try skipNested(depth, keyed: false, "]")
    case UInt8(ascii: "t"): try expectWord("true")
    case UInt8(ascii: "f"): try expectWord("false")
    case UInt8(ascii: "n"): try expectWord("null")
    default: throw .notJSON
    }
    return .other
  }

  private mutating func skipNested(_ depth: Int, keyed: Bool, _ end: Unicode.Scalar) throws(Failure) {
    position += 1
    skipSpace()
    if take(end) { return }
    while true {
      if keyed {
        guard take("\"") else { throw .notJSON }
        _ = try readText()
        skipSpace()
        try expect(":")
        skipSpace()
      }
      _ = try readValue(depth: depth + 1)
      skipSpace()
      if take(end) { return }
      try expect(",")
      skipSpace()
    }
  }

  private mutating func readNumber() throws(Failure) -> Value {
    let first = position
    let negative = take("-")
    let start = position
    var number: Int64 = 0
    while let digit, position - start < 18 {
      number = number * 10 + Int64(digit)
      position += 1
    }
    let short = digit == nil
    skipDigits()
    guard position > start, bytes[start] != UInt8(ascii: "0") || position == start + 1 else { throw .notJSON }
    var whole = true
    if take(".") {
      whole = false
      try expectDigits()
    }
    if take("e") || take("E") {
      whole = false
      if !take("+") { _ = take("-") }
      try expectDigits()
    }
    return whole && short ? .integer(negative ? -number : number) : .decimal(first..<position)
  }

  // MARK: Bytes

  private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

  private var digit: UInt8? {
    guard let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
    return byte - UInt8(ascii: "0")
  }

  private mutating func skipDigits() { while digit != nil { position += 1 } }

  private mutating func expectDigits() throws(Failure) {
    guard digit != nil else { throw .notJSON }
    skipDigits()
  }

  private mutating func skipSpace() {
    while let byte = peek, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { position += 1 }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard peek == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar) throws(Failure) {
    guard take(character) else { throw .notJSON }
  }

  private mutating func expectWord(_ word: StaticString) throws(Failure) {
    let end = position + word.utf8CodeUnitCount
    guard end <= bytes.count,
      UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount).elementsEqual(
        bytes[position..<end])
    else { throw .notJSON }
    position = end
  }

  private mutating func expectEnd() throws(Failure) {
    skipSpace()
    guard position == bytes.count else { throw .notJSON }
  }
}

// MARK: Texts

extension JSONFields {
  /// Reads the text after an opening quote, including the closing one.
  private mutating func readText() throws(Failure) -> (range: Range<Int>, escaped: Bool) {
    let start = position
    var escaped = false
    skipPlainText()
    while let byte = peek {
      switch byte {
      case UInt8(ascii: "\""):
        position += 1
        return (start..<(position - 1), escaped)
      case UInt8(ascii: "\\"):
        escaped = true
        position += 1
        _ = try readEscape()
      case 0..<0x20, 0x7f: throw .badText
      case 0x20..<0x80: skipPlainText()
      default: try skipMultibyte(byte)
      }
    }
    throw .notJSON
  }

  /// Skips printable ASCII without quotes and backslashes: most of every message.
  private mutating func skipPlainText() {
    var at = position
    while at < bytes.count {
      let byte = bytes[at]
      guard byte >= 0x20, byte < 0x7f, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") else { break }
      at += 1
    }
    position = at
  }

  /// Reads the escape after a backslash.
  private mutating func readEscape() throws(Failure) -> Unicode.Scalar {
    guard let byte = peek else { throw .notJSON }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
    case UInt8(ascii: "b"), UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      throw .badText
    case UInt8(ascii: "u"): break
    default: throw .notJSON
    }
    var code = try readFourHexDigits()
    if (0xd800..<0xdc00).contains(code) {
      guard take("\\"), take("u") else { throw .badText }
      let low = try readFourHexDigits()
      guard (0xdc00..<0xe000).contains(low) else { throw .badText }
      code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
    }
    guard let scalar = Unicode.Scalar(code), code >= 0x20, !(0x7f..<0xa0).contains(code) else {
      throw .badText
    }
    return scalar
  }

  private mutating func readFourHexDigits() throws(Failure) -> UInt32 {
    var code: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = peek, let digit = hexValue(byte, upperCase: true) else { throw .notJSON }
      code = code << 4 | UInt32(digit)
      position += 1
    }
    return code
  }

  /// Skips one character of two to four bytes: shortest form only, no surrogates, nothing beyond U+10FFFF and
  /// no control characters (U+0080…U+009F).
  private mutating func skipMultibyte(_ first: UInt8) throws(Failure) {
    let (length, second): (Int, ClosedRange<UInt8>) =
      switch first {
      case 0xc2: (2, 0xa0...0xbf)
      case 0xc3...0xdf: (2, 0x80...0xbf)
      case 0xe0: (3, 0xa0...0xbf)
      case 0xed: (3, 0x80...0x9f)
      case 0xe1...0xef: (3, 0x80...0xbf)
      case 0xf0: (4, 0x90...0xbf)
      case 0xf1...0xf3: (4, 0x80...0xbf)
      case 0xf4: (4, 0x80...0x8f)
      default: (0, 0x80...0xbf)
      }
    guard length > 0, position + length <= bytes.count, second.contains(bytes[position + 1]) else {
      throw .badText
    }
    for index in (position + 2)..<(position + max(length, 2)) where bytes[index] & 0xc0 != 0x80 {
      throw .badText
    }
    position += length
  }

  /// The bytes of a text that was validated before, with its escapes resolved.
  private func unescaped(_ range: Range<Int>) -> [UInt8] {
    var copy = self
    copy.position = range.lowerBound
    var result: [UInt8] = []
    while copy.position < range.upperBound {
      let byte = bytes[copy.position]
      copy.position += 1
      guard byte == UInt8(ascii: "\\") else {
        result.append(byte)
        continue
      }
      // The escape was validated before, so this cannot fail.
      guard let scalar = try? copy.readEscape() else { break }
      result.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
    }
    return result
  }
}
