import EventLoop
import Operations

/// Logs once that the server refuses a kind of call, again when it refuses it for another reason, and when it takes it.
///
/// What is an ordinary part of the work (a unique violation, a lock that was not free in time) is not logged.
@LoopActor
final class RefusalLog {
  private let log: Log?
  /// By kind of call: why it was refused last.
  private var current: [String: String] = [:]
  /// Beyond this many the rest is only counted.
  private static let maximum = 32

  init(_ log: Log?) { self.log = log }

  var isEmpty: Bool { current.isEmpty }

  /// - Parameter call: what distinguishes this kind of call from the pool's others.
  func refused(_ call: String, of pool: String, sqlState: String, message: String) {
    guard let log, !Self.isOrdinary(sqlState) else { return }
    let reason = "\(sqlState): \(message)"
    guard current[call] != reason, current[call] != nil || current.count < Self.maximum else { return }
    current[call] = reason
    log.warning(
      "the database refuses a call", ["pool": pool, "sqlState": sqlState, "reason": message])
  }

  func taken(_ call: String, of pool: String) {
    guard let was = current.removeValue(forKey: call) else { return }
    log?.info("the database takes the call again", ["pool": pool, "was": was])
  }

  private static func isOrdinary(_ sqlState: String) -> Bool {
    switch sqlState {
    // Unique violation; serialization, deadlock; a lock, a statement that took too long; a transaction that had failed.
    case "23505", "40001", "40P01", "55P03", "57014", "25P02": true
    default: false
    }
  }
}
