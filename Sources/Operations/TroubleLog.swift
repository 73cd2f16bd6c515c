package import EventLoop

/// Logs a lasting problem once, and once more when it is over.
@LoopActor
package final class TroubleLog {
  private let log: Log
  private var current: (message: String, reason: String)?
  private var loggedAt = Instant(nanoseconds: 0)
  private var notedAt = Instant(nanoseconds: 0)
  private var isEnding = false

  /// A reason that changes with each attempt is not told with each attempt, and what comes and goes is not over.
  private static let pause = Duration.seconds(1)

  package init(_ log: Log) { self.log = log }

  package func note(_ message: StaticString, _ reason: String) {
    let text = "\(message)"
    notedAt = .now
    isEnding = false
    if let current, current.message == text {
      guard current.reason != reason, Instant.now - loggedAt >= TroubleLog.pause else { return }
    }
    (current, loggedAt) = ((text, reason), .now)
    log.warning(message, ["reason": reason])
  }

  package func over() {
    guard current != nil, !isEnding else { return }
    let quiet = notedAt + TroubleLog.pause
    guard quiet > .now else { return end() }
    isEnding = true
    EventLoop.shared.schedule(at: quiet) { [weak self] in
      guard let self, isEnding else { return }
      end()
    }
  }

  private func end() {
    guard let trouble = current else { return }
    (current, isEnding) = (nil, false)
    log.info("the trouble is over", ["was": trouble.message])
  }
}
