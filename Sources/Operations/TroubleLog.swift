package import EventLoop

/// Logs a lasting problem once, and once more when it is over.
@LoopActor
package final class TroubleLog {
  private let log: Log
  private var current: (message: String, reason: String)?
  private var loggedAt = Instant(nanoseconds: 0)

  /// A reason that changes with each attempt is not told with each attempt.
  private static let pause = Duration.seconds(1)

  package init(_ log: Log) { self.log = log }

  package func note(_ message: StaticString, _ reason: String) {
    let text = "\(message)"
    if let current, current.message == text {
      guard current.reason != reason, Instant.now - loggedAt >= TroubleLog.pause else { return }
    }
    (current, loggedAt) = ((text, reason), .now)
    log.warning(message, ["reason": reason])
  }

  package func over() {
    guard let trouble = current else { return }
    current = nil
    log.info("the trouble is over", ["was": trouble.message])
  }
}
