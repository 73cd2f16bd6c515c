/// The point at which a wire module (PostgreSQL, Redis, Kafka) lets other code intervene between it and its
/// server.
///
///     caller ──▶ wire module ──▶ seam.begin ──▶ .proceed              the call is made
///                                           ├─▶ .proceedUnanswered   the call is made, its answer is thrown away
///                                           ├─▶ .refused             nothing is sent, and that is known
///                                           └─▶ .silent              the deadline passed, the outcome is unknown
///
/// A module without a seam pays one comparison per call. What decides, counts, delays or simulates failures
/// is behind the seam (`Faults`), never in the module.
@LoopActor
package protocol CallSeam: AnyObject, Sendable {
  /// True if nothing intervenes: the caller proceeds without `begin`.
  var isClear: Bool { get }

  /// Calls `go` exactly once: before it returns, or later, and not after `deadline`.
  func begin(_ use: ServerUse, deadline: Instant, _ go: @escaping @LoopActor (CallPermit) -> Void)

  /// Registers each connection of the module, held weakly, so that existing connections can be cut.
  func opened(_ connection: any Severable)
}

extension CallSeam {
  /// `begin` for an asynchronous caller.
  package func permit(_ use: ServerUse, deadline: Instant) async -> CallPermit {
    await withUnsafeContinuation { continuation in
      begin(use, deadline: deadline) { continuation.resume(returning: $0) }
    }
  }
}

/// What is about to be done with a server.
package enum ServerUse: Hashable, Sendable {
  case connect
  /// One exchange: a round trip, a command or transaction, a produced message.
  case call
  /// Reading what the server has next. Anything but `.proceed`: not now; the reader asks again after a pause.
  case receive
}

package enum CallPermit: Hashable, Sendable {
  case proceed
  /// The call is made; to the caller it is as though the connection broke before the answer.
  case proceedUnanswered
  /// Nothing is sent. The text says why.
  case refused(String)
  /// The deadline is over, and to the caller it is as though nothing ever came back.
  case silent
}

/// A connection that can be cut as a dying server cuts it: the calls under way are lost, their outcome unknown.
@LoopActor
package protocol Severable: AnyObject, Sendable {
  func sever()
}
