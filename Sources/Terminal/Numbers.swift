/// Figures as people read them, the same in every locale.
package enum Numbers {
  /// `50,000`.
  package static func count(_ number: some BinaryInteger) -> String {
    let digits = String(number.magnitude)
    var text = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index).isMultiple(of: 3) { text.append(",") }
      text.append(digit)
    }
    return (number < 0 ? "−" : "") + text
  }

  /// `12.3`; `digits` behind the point.
  package static func decimal(_ number: Double, digits: Int) -> String {
    guard number.isFinite, abs(number) < 1e15 else { return "–" }
    let scale = (0..<digits).reduce(1.0) { scale, _ in scale * 10 }
    let scaled = Int64((abs(number) * scale).rounded())
    let whole = count(scaled / Int64(scale))
    let sign = number < 0 && scaled != 0 ? "−" : ""
    guard digits > 0 else { return sign + whole }
    return sign + whole + "." + String(scaled % Int64(scale)).padded(to: digits, right: true, with: "0")
  }

  /// A duration in milliseconds with three digits that count: `0.42 ms`, `12.3 ms`, `1,234 ms`, `12.3 s`.
  package static func duration(milliseconds: Double?) -> String {
    guard let milliseconds else { return "–" }
    if milliseconds >= 10_000 { return decimal(milliseconds / 1_000, digits: 1) + " s" }
    return decimal(milliseconds, digits: milliseconds < 9.995 ? 2 : milliseconds < 99.95 ? 1 : 0) + " ms"
  }

  package static func duration(seconds: Double?) -> String {
    duration(milliseconds: seconds.map { $0 * 1_000 })
  }

  /// `123 MiB`.
  package static func bytes(_ number: Int?) -> String {
    guard let number else { return "–" }
    return decimal(Double(number) / 1_048_576, digits: number < 10 * 1_048_576 ? 1 : 0) + " MiB"
  }

  /// A share as `1.2 %`.
  package static func percent(_ share: Double) -> String { decimal(share * 100, digits: 1) + " %" }
}
