// Decimal numbers as ASCII, read and written.

extension [UInt8] {
  package mutating func append(text: StaticString) {
    append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  package mutating func append(decimal number: Int64) {
    append(capacity: 20) { $0.append(decimal: number) }
  }
}

/// The number that at most 18 digits write; nil where another byte is among them.
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
