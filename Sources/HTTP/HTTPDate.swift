#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

internal import EventLoop

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
  /// An IMF-fixdate (RFC 9110, 5.6.7) of seconds since 1970.
  package static func text(seconds: Int64) -> String {
    var time = time_t(seconds)
    var parts = tm()
    gmtime_r(&time, &parts)
    let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    let date = "\(two(parts.tm_mday)) \(months[Int(parts.tm_mon)]) \(parts.tm_year + 1900)"
    let clock = "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))"
    return "\(days[Int(parts.tm_wday)]), \(date) \(clock) GMT"
  }

  private static func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
