/// Microseconds since 1970-01-01T00:00:00Z: what PostgreSQL's `timestamptz` keeps.
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
    // Days from civil: years begin in March, so the leap day is the last of its year.
    let y = month <= 2 ? year - 1 : year
    let era = (y >= 0 ? y : y - 399) / 400
    let yearOfEra = y - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    number = Int32(era * 146_097 + dayOfEra - 719_468)
    guard civil == (year, month, day) else { return nil }
  }

  package var civil: (year: Int, month: Int, day: Int) {
    let z = Int(number) + 719_468
    let era = (z >= 0 ? z : z - 146_096) / 146_097
    let dayOfEra = z - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shifted = (5 * dayOfYear + 2) / 153
    let month = shifted < 10 ? shifted + 3 : shifted - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
  }

  /// Traps on a day beyond ±5.8 million years.
  package func advanced(by days: Int) -> Day { Day(number: number + Int32(days)) }
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

/// One business day of a policy on the time line, computed from zone and opening time outside this module.
///
/// The day lasts from `startsAt` to `endsAt` (the next midnight, excluded); its opening is `opensAt`. Where
/// the clocks skip the opening and all that is left of the day, `opensAt` is `endsAt`: such a day does not
/// open.
package struct DayWindow: Hashable, Sendable {
  package let day: Day
  package let startsAt: Timestamp
  package let opensAt: Timestamp
  package let endsAt: Timestamp
  /// The first opening of the event that comes after this day; nil where there is none.
  package let followingOpensAt: Timestamp?

  package init(
    day: Day, startsAt: Timestamp, opensAt: Timestamp, endsAt: Timestamp, followingOpensAt: Timestamp?
  ) {
    (self.day, self.startsAt, self.opensAt, self.endsAt) = (day, startsAt, opensAt, endsAt)
    self.followingOpensAt = followingOpensAt
  }

  package var opens: Bool { opensAt < endsAt }
  package func contains(_ time: Timestamp) -> Bool { time >= startsAt && time < endsAt }
}
