import EventLoop
import Operations
import Text

/// One moment on both clocks. What people were told is judged by the wall clock to the microsecond, so the two readings
/// must not lie apart because the process was interrupted between them.
struct ClockReading {
  let instant: Instant
  let wall: Timestamp

  private static let attempts = 10
  private static let good = Duration.microseconds(20)

  /// The tightest of a few readings.
  static func take() -> ClockReading {
    var best: (reading: ClockReading, gap: Duration)?
    for _ in 0..<attempts {
      let before = Instant.now
      let wall = SystemClock().now()
      let gap = Instant.now - before
      if gap < best?.gap ?? .seconds(1_000_000) { best = (ClockReading(instant: before, wall: wall), gap) }
      if gap <= good { break }
    }
    return best?.reading ?? ClockReading(instant: .now, wall: SystemClock().now())
  }
}
