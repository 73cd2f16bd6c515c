internal import EventLoop

/// Times in which the load generator itself did not run: its machine stood still, or another process had the CPU. It
/// could not see answers meanwhile, so that time counts against no server.
@LoopActor
final class StallWatch {
  private static let interval = Duration.milliseconds(20)
  /// Shorter gaps are the ordinary work of a turn.
  private static let least = Duration.milliseconds(100)
  /// A machine that stands still more often is no place to measure on; what comes then is not excused.
  private static let bound = 1_000

  private let start: Instant
  private var last: Instant
  private var isEnded = false
  /// In microseconds since the start, in order.
  private(set) var stalls: [Range<Int64>] = []

  init(start: Instant) { (self.start, last) = (start, start) }

  func begin() {
    last = .now
    wait()
  }

  func end() {
    look()
    isEnded = true
  }

  private func wait() {
    EventLoop.shared.schedule(after: StallWatch.interval) { [weak self] in
      guard let self, !isEnded else { return }
      look()
      wait()
    }
  }

  private func look() {
    let now = Instant.now
    if now - last > StallWatch.least, stalls.count < StallWatch.bound {
      stalls.append(microseconds(last)..<microseconds(now))
    }
    last = now
  }

  private func microseconds(_ time: Instant) -> Int64 { (time - start).nanoseconds / 1_000 }
}
