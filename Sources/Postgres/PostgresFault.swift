package import EventLoop

/// A switch below every rule of this module, for experiments: it is asked before each use of the server.
@LoopActor
package protocol PostgresFault: AnyObject, Sendable {
  func action(for use: PostgresUse) -> PostgresFaultAction
}

package enum PostgresUse: Hashable, Sendable {
  case connect
  /// One round trip; `commits` where it carries a COMMIT, or a writing statement outside a transaction.
  case trip(commits: Bool)
}

package enum PostgresFaultAction: Hashable, Sendable {
  case proceed
  /// As though the server refused connections and had closed this one.
  case refuse
  /// The use begins that much later.
  case delay(Duration)
  /// As though nothing ever arrived: the use lasts until its deadline.
  case hang
}
