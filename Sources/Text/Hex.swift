// Reads and writes lower-case hexadecimal digits.

/// 128 bits written as 32 lower-case hexadecimal digits.
package protocol HexIdentifier: Hashable, Sendable, CustomStringConvertible {
  var high: UInt64 { get }
  var low: UInt64 { get }
  init(high: UInt64, low: UInt64)
}

extension HexIdentifier {
  package var description: String { String(capacity: 32) { $0.append(hex: self) } }

  package func appendText(to bytes: inout [UInt8]) { bytes.append(capacity: 32) { $0.append(hex: self) } }

  /// Nil unless the text is exactly 32 lower-case hexadecimal digits.
  package init?(_ text: some StringProtocol) {
    let bytes = Array(text.utf8)
    self.init(ascii: bytes.span)
  }

  /// The same from bytes.
  package init?(ascii bytes: Span<UInt8>) {
    guard bytes.count == 32 else { return nil }
    var (high, low): (UInt64, UInt64) = (0, 0)
    for index in bytes.indices {
      guard let nibble = hexValue(bytes[index]) else { return nil }
      high = high << 4 | low >> 60
      low = low << 4 | UInt64(nibble)
    }
    self.init(high: high, low: low)
  }
}

extension TextBuffer {
  /// 32 hexadecimal digits.
  package mutating func append(hex id: some HexIdentifier) {
    append(hex: id.high)
    append(hex: id.low)
  }

  /// 16 hexadecimal digits.
  package mutating func append(hex word: UInt64) { hexDigits(word, to: room(16)) }
}

extension [UInt8] {
  /// Two hexadecimal digits per byte.
  package mutating func append(hex bytes: [UInt8]) {
    for byte in bytes {
      append(hexDigit(byte >> 4))
      append(hexDigit(byte & 15))
    }
  }
}

/// The value of a hexadecimal digit; nil for any other byte, and for `A` to `F` unless `upperCase`.
package func hexValue(_ byte: UInt8, upperCase: Bool = false) -> UInt8? {
  switch byte {
  case 48...57: byte - 48
  case 97...102: byte - 87
  case 65...70 where upperCase: byte - 55
  default: nil
  }
}

/// The digit of a value below 16.
package func hexDigit(_ nibble: UInt8) -> UInt8 { nibble < 10 ? 48 + nibble : 87 + nibble }

/// All sixteen digits at once: each nibble moves into its own byte, and 39 is the distance from `:`, the byte after `9`,
/// to `a`.
private func hexDigits(_ word: UInt64, to start: UnsafeMutablePointer<UInt8>) {
  for offset in 0..<2 {
    var nibbles = offset == 0 ? word >> 32 : word & 0xffff_ffff
    nibbles = (nibbles | nibbles << 16) & 0x0000_ffff_0000_ffff
    nibbles = (nibbles | nibbles << 8) & 0x00ff_00ff_00ff_00ff
    nibbles = (nibbles | nibbles << 4) & 0x0f0f_0f0f_0f0f_0f0f
    let letters = ((nibbles + 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101
    let text = nibbles + 0x3030_3030_3030_3030 + letters * 39
    UnsafeMutableRawPointer(start + 8 * offset).storeBytes(of: text.bigEndian, as: UInt64.self)
  }
}
