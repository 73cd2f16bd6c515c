internal import Clibuv

/// A moment of the monotonic clock, in nanoseconds. Only differences and order are meaningful.
package struct Instant: Hashable, Comparable, Sendable {
  package let nanoseconds: UInt64

  package init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

  package static var now: Instant { Instant(nanoseconds: uv_hrtime()) }

  /// The deadline of what has none: a century from now.
  package static var distantFuture: Instant { .now + .seconds(100 * 365 * 86_400) }

  package static func + (start: Instant, wait: Duration) -> Instant {
    let shift = wait.nanoseconds
    return Instant(
      nanoseconds: shift >= 0
        ? start.nanoseconds &+ UInt64(shift)
        : start.nanoseconds &- min(start.nanoseconds, UInt64(-shift)))
  }

  package static func - (end: Instant, start: Instant) -> Duration {
    .nanoseconds(Int64(bitPattern: end.nanoseconds &- start.nanoseconds))
  }

  package static func < (a: Instant, b: Instant) -> Bool { a.nanoseconds < b.nanoseconds }
}

extension Duration {
  /// Whole nanoseconds, clamped to ±100 years so that absurd settings cannot overflow.
  package var nanoseconds: Int64 {
    let limit: Int64 = 100 * 366 * 86_400 * 1_000_000_000
    return max(-limit, min(limit, Int64(clamping: attoseconds / 1_000_000_000)))
  }

  package var milliseconds: Double { Double(nanoseconds) / 1_000_000 }
}
