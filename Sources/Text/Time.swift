/// Microseconds since 1970-01-01T00:00:00Z, the precision of PostgreSQL's `timestamptz`.
package struct Timestamp: Hashable, Comparable, Sendable {
  package let microseconds: Int64
  package init(microseconds: Int64) { self.microseconds = microseconds }
  package static func < (a: Timestamp, b: Timestamp) -> Bool { a.microseconds < b.microseconds }
}

/// A calendar day, without a time zone: days since 1970-01-01 in the proleptic Gregorian calendar.
package struct Day: Hashable, Comparable, Sendable {
  package let number: Int32
  package init(number: Int32) { self.number = number }

  /// Nil unless the day exists and the year is 1…9999.
  package init?(year: Int, month: Int, day: Int) {
    guard (1...9999).contains(year), (1...12).contains(month), (1...31).contains(day) else { return nil }
    number = Int32(Civil.days(year: Int64(year), month: Int64(month), day: Int64(day)))
    guard civil == (year, month, day) else { return nil }
  }

  package var civil: (year: Int, month: Int, day: Int) {
    let (year, month, day) = Civil.date(ofDay: Int64(number))
    return (Int(year), Int(month), Int(day))
  }

  /// Traps on a day beyond ±5.8 million years.
  package func advanced(by days: Int) -> Day { Day(number: number + Int32(days)) }
  @inline(__always) package static func == (a: Day, b: Day) -> Bool { a.number == b.number }
  package static func < (a: Day, b: Day) -> Bool { a.number < b.number }
}

/// A wall-clock time, in whole seconds after midnight.
package struct TimeOfDay: Hashable, Comparable, Sendable {
  package let seconds: Int32

  /// Nil outside 0..<86,400.
  package init?(seconds: Int) {
    guard (0..<86_400).contains(seconds) else { return nil }
    self.seconds = Int32(seconds)
  }

  package static func < (a: TimeOfDay, b: TimeOfDay) -> Bool { a.seconds < b.seconds }
}
