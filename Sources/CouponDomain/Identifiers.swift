/// A coupon policy's number, 1…2³¹−1.
package struct PolicyID: Hashable, Comparable, Sendable, CustomStringConvertible {
  package let value: Int32

  /// Nil outside 1…2³¹−1.
  package init?(_ value: some BinaryInteger) {
    guard let exact = Int32(exactly: value), exact >= 1 else { return nil }
    self.value = exact
  }

  package var description: String { String(value) }
  package static func < (a: PolicyID, b: PolicyID) -> Bool { a.value < b.value }
}

/// A person, as the gateway in front of the servers names them: ASCII `[A-Za-z0-9._-]{1,64}`.
///
/// ASCII because Swift, Redis and PostgreSQL disagree about when two other strings are equal.
package struct UserID: Hashable, Comparable, Sendable, CustomStringConvertible {
  package static let maximumLength = 64
  package let description: String

  /// Nil when the text breaks the rule above.
  package init?(_ text: some StringProtocol) {
    let bytes = text.utf8
    guard !bytes.isEmpty, bytes.count <= UserID.maximumLength, bytes.allSatisfy(UserID.admits) else {
      return nil
    }
    description = String(text)
  }

  package static func admits(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
  }

  package static func < (a: UserID, b: UserID) -> Bool { a.description < b.description }
}

/// 128 bits written as 32 lower-case hexadecimal digits.
package protocol HexIdentifier: Hashable, Sendable, CustomStringConvertible {
  var high: UInt64 { get }
  var low: UInt64 { get }
  init(high: UInt64, low: UInt64)
}

extension HexIdentifier {
  package var description: String {
    String(unsafeUninitializedCapacity: 32) { buffer in
      for digit in 0..<32 {
        let word = digit < 16 ? high : low
        let nibble = UInt8(truncatingIfNeeded: word >> UInt64(60 - 4 * (digit % 16))) & 15
        buffer[digit] = nibble < 10 ? 48 + nibble : 87 + nibble
      }
      return 32
    }
  }

  /// Nil unless the text is exactly 32 lower-case hexadecimal digits.
  package init?(_ text: some StringProtocol) {
    var words: (UInt64, UInt64) = (0, 0)
    var count = 0
    for byte in text.utf8 {
      let nibble: UInt8
      switch byte {
      case 48...57: nibble = byte - 48
      case 97...102: nibble = byte - 87
      default: return nil
      }
      if count < 16 {
        words.0 = words.0 << 4 | UInt64(nibble)
      } else {
        words.1 = words.1 << 4 | UInt64(nibble)
      }
      count += 1
      if count > 32 { return nil }
    }
    guard count == 32 else { return nil }
    self.init(high: words.0, low: words.1)
  }
}

/// Names one domain event; drawn at random by whoever makes the event.
package struct EventID: HexIdentifier {
  package let high: UInt64
  package let low: UInt64
  package init(high: UInt64, low: UInt64) { (self.high, self.low) = (high, low) }
}

/// Derived with a keyed hash from (policy, person, period): the same for a retry, a duplicate and a replay.
package struct CouponID: HexIdentifier {
  package let high: UInt64
  package let low: UInt64
  package init(high: UInt64, low: UInt64) { (self.high, self.low) = (high, low) }
}
