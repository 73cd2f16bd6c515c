package import EventLoop

/// A switch below every rule of this module, for experiments: it is asked before each use of the server.
@LoopActor
package protocol RedisFault: AnyObject, Sendable {
  func action(for use: RedisUse) -> RedisFaultAction
}

package enum RedisUse: Hashable, Sendable {
  case connect
  /// A command, or a transaction as a whole.
  case call
}

package enum RedisFaultAction: Hashable, Sendable {
  case proceed
  /// As though there were no connection: nothing is sent.
  case refuse
  /// The use begins that much later.
  case delay(Duration)
  /// As though nothing ever arrived: the use lasts until its deadline, and its outcome is unknown.
  case hang
  /// The use happens, its answer is lost.
  case loseAnswer
}
