import EventLoop
import Operations

/// Logs once that the server refuses a kind of call, again when it refuses it for another reason, and when it takes it.
/// What comes and goes is not over, and says so once a second at most.
///
/// What is an ordinary part of the work (a unique violation, a lock that was not free in time) is not logged.
@LoopActor
final class RefusalLog {
  private let log: Log?
  private struct Refusal {
    var reason: String
    var loggedAt: Instant
    var refusedAt: Instant
  }

  /// By kind of call.
  private var current: [String: Refusal] = [:]
  private static let pause = Duration.seconds(1)
  /// Beyond this many the rest is only counted.
  private static let maximum = 32

  init(_ log: Log?) { self.log = log }

  var isEmpty: Bool { current.isEmpty }

  /// - Parameter call: what distinguishes this kind of call from the pool's others.
  func refused(_ call: String, of pool: String, sqlState: String, message: String) {
    guard let log, !Self.isOrdinary(sqlState) else { return }
    let reason = "\(sqlState): \(message)"
    let now = Instant.now
    if let known = current[call] {
      current[call]?.refusedAt = now
      guard known.reason != reason, now - known.loggedAt >= Self.pause else { return }
    } else if current.count >= Self.maximum {
      return
    }
    current[call] = Refusal(reason: reason, loggedAt: now, refusedAt: now)
    log.warning(
      "the database refuses a call", ["pool": pool, "sqlState": sqlState, "reason": message])
  }

  func taken(_ call: String, of pool: String) {
    guard let refusal = current[call], Instant.now - refusal.refusedAt >= Self.pause else { return }
    current[call] = nil
    log?.info("the database takes the call again", ["pool": pool, "was": refusal.reason])
  }

  private static func isOrdinary(_ sqlState: String) -> Bool {
    switch sqlState {
    // Unique violation; serialization, deadlock; a lock, a statement that took too long; a transaction that had failed.
    case "23505", "40001", "40P01", "55P03", "57014", "25P02": true
    default: false
    }
  }
}
