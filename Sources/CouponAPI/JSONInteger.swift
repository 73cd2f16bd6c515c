import CouponStore

extension JSONFields {
  /// A whole number however it is written: `1000`, `1000.0` and `1e3` are one number to JSON and to the contract's
  /// `type: integer`. Nil for anything else. One with a fraction or an exponent is read as
  /// a double.
  func wholeNumber(_ value: Value) -> Int64? {
    switch value {
    case .integer(let number): number
    case .decimal(let range): Double(text(range, escaped: false)).flatMap { Int64(exactly: $0) }
    case .text, .other: nil
    }
  }
}
