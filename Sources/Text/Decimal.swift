// Reads and writes decimal numbers as ASCII.

extension [UInt8] {
  package mutating func append(text: StaticString) {
    append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  /// Numbers of one or two digits, the lengths in most messages, are written without a buffer.
  package mutating func append(decimal number: Int64) {
    switch number {
    case 0...9: append(48 + UInt8(number))
    case 10...99:
      append(48 + UInt8(number / 10))
      append(48 + UInt8(number % 10))
    default: append(capacity: 20) { $0.append(decimal: number) }
    }
  }
}

extension Double {
  /// The number rounded to one digit after the point: `12.3`, `-0.1`, `4.0`. It must be finite.
  package var tenths: String {
    let tenths = Int((self * 10).rounded())
    let digits = tenths.magnitude
    return "\(tenths < 0 ? "-" : "")\(digits / 10).\(digits % 10)"
  }
}

/// The value of at most 18 decimal digits; nil if another byte is among them.
package func decimal(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int? {
  var number = 0
  for index in range {
    let digit = bytes[index] &- 48
    guard digit <= 9 else { return nil }
    number = number * 10 + Int(digit)
  }
  return number
}

extension Int64 {
  /// The quotient rounded down, and a remainder that is never negative.
  package func flooredDivision(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
  }
}
