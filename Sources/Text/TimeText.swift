// The text forms of the time types: strict, independent of the locale, fast enough for every message of the
// log.

extension Day: CustomStringConvertible {
  /// Reads `YYYY-MM-DD`; nil for any other form or a day that does not exist.
  package init?(_ text: some StringProtocol) {
    let bytes = Array(text.utf8)
    self.init(ascii: bytes.span)
  }

  /// The same from bytes.
  package init?(ascii bytes: Span<UInt8>) {
    guard bytes.count == 10, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
      let year = decimal(bytes, 0..<4), let month = decimal(bytes, 5..<7), let day = decimal(bytes, 8..<10)
    else { return nil }
    self.init(year: year, month: month, day: day)
  }

  /// `YYYY-MM-DD`.
  package var description: String { String(capacity: 16) { $0.append(self) } }

  package func appendText(to bytes: inout [UInt8]) {
    bytes.append(capacity: 16) { $0.append(self) }
  }
}

extension TimeOfDay: CustomStringConvertible {
  /// Reads `HH:MM:SS` or `HH:MM`; nil for any other form.
  package init?(_ text: some StringProtocol) {
    let bytes = Array(text.utf8)
    self.init(ascii: bytes.span)
  }

  /// The same from bytes.
  package init?(ascii bytes: Span<UInt8>) {
    guard bytes.count == 5 || bytes.count == 8, bytes[2] == UInt8(ascii: ":"),
      let hour = decimal(bytes, 0..<2), hour < 24, let minute = decimal(bytes, 3..<5), minute < 60
    else { return nil }
    var second = 0
    if bytes.count == 8 {
      guard bytes[5] == UInt8(ascii: ":"), let written = decimal(bytes, 6..<8), written < 60 else {
        return nil
      }
      second = written
    }
    self.init(seconds: hour * 3600 + minute * 60 + second)
  }

  /// `HH:MM:SS`.
  package var description: String { String(capacity: 8) { $0.append(clock: Int(seconds)) } }

  package func appendText(to bytes: inout [UInt8]) {
    bytes.append(capacity: 8) { $0.append(clock: Int(seconds)) }
  }
}

extension Timestamp: CustomStringConvertible {
  /// The years that messages and tables can hold.
  package static let years = 1970...9999

  /// Reads ISO 8601 in UTC, as in `2026-11-22T01:00:00.123456Z`: seconds are required, a fraction of 1 to 6
  /// digits is optional. Nil for any other form, for a moment that does not exist, and outside the years
  /// 1970…9999.
  package init?(_ text: some StringProtocol) {
    let bytes = Array(text.utf8)
    self.init(ascii: bytes.span)
  }

  /// The same from bytes.
  package init?(ascii bytes: Span<UInt8>) {
    let count = bytes.count
    guard count == 20 || (22...27).contains(count), bytes[10] == UInt8(ascii: "T"),
      bytes[count - 1] == UInt8(ascii: "Z"), let day = Day(ascii: bytes.extracting(0..<10)),
      Timestamp.years.contains(day.civil.year), let time = TimeOfDay(ascii: bytes.extracting(11..<19))
    else { return nil }
    var fraction = 0
    if count > 20 {
      guard bytes[19] == UInt8(ascii: "."), let digits = decimal(bytes, 20..<(count - 1)) else { return nil }
      fraction = digits
      for _ in (count - 21)..<6 { fraction *= 10 }
    }
    let seconds = Int64(day.number) * 86_400 + Int64(time.seconds)
    self.init(microseconds: seconds * 1_000_000 + Int64(fraction))
  }

  /// ISO 8601 in UTC with six digits after the second: `2026-11-22T01:00:00.123456Z`.
  package var description: String { String(capacity: 40) { $0.append(self) } }

  package func appendText(to bytes: inout [UInt8]) {
    bytes.append(capacity: 40) { $0.append(self) }
  }
}

extension TextBuffer {
  /// `YYYY-MM-DD`.
  package mutating func append(_ day: Day) {
    let (year, month, dayOfMonth) = day.civil
    if (0...9999).contains(year) { append(digits: year, width: 4) } else { append(decimal: Int64(year)) }
    append(UInt8(ascii: "-"))
    append(digits: month, width: 2)
    append(UInt8(ascii: "-"))
    append(digits: dayOfMonth, width: 2)
  }

  /// ISO 8601 in UTC with six digits after the second.
  package mutating func append(_ time: Timestamp) {
    let (days, rest) = time.microseconds.flooredDivision(by: 86_400_000_000)
    append(Day(number: Int32(days)))
    append(UInt8(ascii: "T"))
    append(clock: Int(rest / 1_000_000))
    append(UInt8(ascii: "."))
    append(digits: rest % 1_000_000, width: 6)
    append(UInt8(ascii: "Z"))
  }

  /// Seconds after midnight as `HH:MM:SS`.
  package mutating func append(clock seconds: Int) {
    append(digits: seconds / 3600, width: 2)
    append(UInt8(ascii: ":"))
    append(digits: seconds / 60 % 60, width: 2)
    append(UInt8(ascii: ":"))
    append(digits: seconds % 60, width: 2)
  }
}
