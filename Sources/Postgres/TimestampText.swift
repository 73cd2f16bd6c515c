internal import Text

/// `timestamptz` as text in UTC and ISO style: `2026-03-01 10:00:00.000001+00`, with ` BC` before the year 1.
enum TimestampText {
  static func append(_ microseconds: Int64, to out: inout [UInt8]) {
    let (days, rest) = microseconds.flooredDivision(by: 86_400_000_000)
    let (year, month, day) = Civil.date(ofDay: days)
    out.append(capacity: 40) { text in
      let written = year > 0 ? year : 1 - year
      if written <= 9999 { text.append(digits: written, width: 4) } else { text.append(decimal: written) }
      text.append("-")
      text.append(digits: month, width: 2)
      text.append("-")
      text.append(digits: day, width: 2)
      text.append(" ")
      text.append(clock: Int(rest / 1_000_000))
      text.append(".")
      text.append(digits: rest % 1_000_000, width: 6)
      text.append(year > 0 ? "+00" : "+00 BC")
    }
  }

  /// Nil for `infinity` and for every form that `append` does not write (the fraction may be shorter or
  /// absent).
  static func parse(_ text: some Collection<UInt8>) -> Int64? {
    var reader = Reader(text)
    guard let written = reader.number(), reader.take("-"), let month = reader.number(), reader.take("-"),
      let day = reader.number(), reader.take(" "), let hour = reader.number(), reader.take(":"),
      let minute = reader.number(), reader.take(":"), let second = reader.number()
    else { return nil }
    var fraction: Int64 = 0
    if reader.take(".") {
      guard let (value, digits) = reader.digits(), digits <= 6 else { return nil }
      fraction = (digits..<6).reduce(value) { product, _ in product * 10 }
    }
    guard reader.take("+"), reader.number() == 0 else { return nil }
    let year = reader.take(" ") && reader.take("B") && reader.take("C") ? 1 - written : written
    // Later years do not fit into 64 bits of microseconds since 1970.
    guard reader.isAtEnd, year < 294_247, (1...12).contains(month), (1...31).contains(day), hour < 24,
      minute < 60,
      second < 60
    else { return nil }
    return Civil.days(year: year, month: month, day: day) * 86_400_000_000
      + (hour * 3600 + minute * 60 + second) * 1_000_000 + fraction
  }
}

/// Parses a text from left to right.
private struct Reader<Text: Collection<UInt8>> {
  private var rest: Text.SubSequence
  init(_ text: Text) { rest = text[...] }

  var isAtEnd: Bool { rest.isEmpty }

  mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard rest.first == UInt8(ascii: character) else { return false }
    rest = rest.dropFirst()
    return true
  }

  mutating func number() -> Int64? { digits()?.value }

  mutating func digits() -> (value: Int64, count: Int)? {
    let digits = rest.prefix { (48...57).contains($0) }
    guard (1...6).contains(digits.count) else { return nil }
    rest = rest.dropFirst(digits.count)
    return (digits.reduce(0) { $0 * 10 + Int64($1 - 48) }, digits.count)
  }
}
