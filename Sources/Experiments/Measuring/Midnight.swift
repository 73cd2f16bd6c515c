import EventLoop
import Operations
package import Text

/// The end of a day that is about to come, by clocks that are ahead of the machine's.
package struct Midnight {
  /// On the machine's clock.
  package let moment: Timestamp
  package let offsetMilliseconds: Int64
  /// The day that ends, in Seoul.
  package let day: Day

  package static let timeZone = "Asia/Seoul"

  package init(after lead: Duration) {
    let second = (SystemClock().now().microseconds + lead.nanoseconds / 1_000) / 1_000_000 + 1
    moment = Timestamp(microseconds: second * 1_000_000)
    // Seoul has no summer time: nine hours before UTC, always.
    let wall = second + 9 * 3_600
    let (past, rest) = wall.quotientAndRemainder(dividingBy: 86_400)
    offsetMilliseconds = (86_400 - rest) * 1_000
    day = Day(number: Int32(clamping: past))
  }

  package var settings: [String: String] { ["CLOCK_OFFSET_MS": String(offsetMilliseconds)] }
}
