package import EventLoop

/// Logs a lasting problem once, and once more when it is over.
@LoopActor
package final class TroubleLog {
  private let log: Log
  private var current: String?

  package init(_ log: Log) { self.log = log }

  package func note(_ message: StaticString, _ reason: String) {
    let text = "\(message)"
    guard current != text else { return }
    current = text
    log.warning(message, ["reason": reason])
  }

  package func over() {
    guard let trouble = current else { return }
    current = nil
    log.info("the trouble is over", ["was": trouble])
  }
}
