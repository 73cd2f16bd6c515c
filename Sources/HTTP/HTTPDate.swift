#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

internal import EventLoop
internal import Text

/// The `Date` line, written anew once a second.
struct DateLine {
  private(set) var bytes: [UInt8] = []
  private var validUntil = Instant(nanoseconds: 0)

  mutating func refresh(now: Instant) {
    guard now >= validUntil else { return }
    var clock = timespec()
    clock_gettime(CLOCK_REALTIME, &clock)
    bytes = Array("Date: \(HTTPDate.text(seconds: Int64(clock.tv_sec)))\r\n".utf8)
    validUntil = now + .nanoseconds(1_000_000_000 - Int64(clock.tv_nsec))
  }
}

package enum HTTPDate {
  private static let weekdays: [StaticString] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
  private static let months: [StaticString] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  /// An IMF-fixdate (RFC 9110, 5.6.7) of seconds since 1970.
  package static func text(seconds: Int64) -> String {
    let (days, clock) = seconds.flooredDivision(by: 86_400)
    let (year, month, day) = Civil.date(ofDay: days)
    return String(capacity: 40) { text in
      // 1970-01-01 was a Thursday.
      text.append(weekdays[Int((days + 4).flooredDivision(by: 7).remainder)])
      text.append(", ")
      text.append(digits: day, width: 2)
      text.append(" ")
      text.append(months[Int(month) - 1])
      text.append(" ")
      text.append(digits: year, width: 4)
      text.append(" ")
      text.append(clock: Int(clock))
      text.append(" GMT")
    }
  }
}
