package import Text

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// The system clock, shifted by a fixed offset if an experiment sets one (`CLOCK_OFFSET_MS`).
package struct SystemClock: Sendable {
  package let offsetMilliseconds: Int64

  package init(offsetMilliseconds: Int64 = 0) { self.offsetMilliseconds = offsetMilliseconds }

  package func now() -> Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    let microseconds = Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    return Timestamp(microseconds: microseconds + offsetMilliseconds * 1_000)
  }
}
