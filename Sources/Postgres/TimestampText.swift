/// `timestamptz` as text in UTC and ISO style: `2026-03-01 10:00:00.000001+00`, with ` BC` before the year 1.
enum TimestampText {
  static func append(_ microseconds: Int64, to out: inout [UInt8]) {
    let (days, rest) = flooredDivision(microseconds, by: 86_400_000_000)
    let (year, month, day) = civil(days: days)
    append(year > 0 ? year : 1 - year, width: 4, to: &out)
    append(month, width: 2, after: "-", to: &out)
    append(day, width: 2, after: "-", to: &out)
    append(rest / 3_600_000_000, width: 2, after: " ", to: &out)
    append(rest / 60_000_000 % 60, width: 2, after: ":", to: &out)
    append(rest / 1_000_000 % 60, width: 2, after: ":", to: &out)
    append(rest % 1_000_000, width: 6, after: ".", to: &out)
    out.append(contentsOf: (year > 0 ? "+00" : "+00 BC").utf8)
  }

  /// Nil for `infinity` and every other form than the one that `append` writes (the fraction may be shorter or absent).
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
    return days(year: year, month: month, day: day) * 86_400_000_000
      + (hour * 3600 + minute * 60 + second) * 1_000_000 + fraction
  }

  // Days from and to civil dates, proleptic Gregorian; years begin in March, so that the leap day ends one.

  static func civil(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let (era, dayOfEra) = flooredDivision(days + 719_468, by: 146_097)
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shifted = (5 * dayOfYear + 2) / 153
    let month = shifted < 10 ? shifted + 3 : shifted - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
  }

  static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
    let (era, yearOfEra) = flooredDivision(month <= 2 ? year - 1 : year, by: 400)
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  private static func flooredDivision(_ value: Int64, by divisor: Int64) -> (Int64, Int64) {
    let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
  }

  private static func append(_ number: Int64, width: Int, after separator: String = "", to out: inout [UInt8])
  {
    out.append(contentsOf: separator.utf8)
    let digits = String(number).utf8
    out.append(contentsOf: repeatElement(48, count: max(0, width - digits.count)))
    out.append(contentsOf: digits)
  }
}

/// Takes a text apart from left to right.
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
