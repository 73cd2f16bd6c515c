package import EventLoop

/// A switch below every rule of this module, for experiments: it is asked before each use of the server.
@LoopActor
package protocol PostgresFault: AnyObject, Sendable {
  func action(for use: PostgresUse) -> PostgresFaultAction

  /// Whether what hangs would hang still: where it does not, it goes on.
  var hangs: Bool { get }

  /// Hears of each connection that was opened, so that it can cut those that exist. Holds it weakly.
  func opened(_ connection: any PostgresSeverable)
}

extension PostgresFault {
  package var hangs: Bool { true }
  package func opened(_ connection: any PostgresSeverable) {}
}

/// A connection that can be cut as a server that dies cuts it: what is under way is lost, its outcome with it.
@LoopActor
package protocol PostgresSeverable: AnyObject, Sendable {
  func sever()
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
  /// As though nothing arrived: the use lasts until its deadline, or goes on as soon as nothing `hangs` any more.
  case hang
  /// The use happens; the connection breaks before its answer arrives.
  case loseAnswer
}
