internal import EventLoop

/// One command or transaction that was written and waits for its replies, which come in the order of writing.
///
/// An object, because it is changed where it lies for each of its replies.
@LoopActor
final class RedisCall {
  enum Kind {
    case command
    /// MULTI, so many commands, EXEC.
    case transaction(commands: Int)
  }

  let kind: Kind
  let sentAt: Instant
  let deadline: Instant
  /// Nil once the caller has been told that the outcome is unknown; the replies are still read, and dropped.
  var completion: (@LoopActor (Result<[RedisReply], RedisError>) -> Void)?
  private var refusals = 0
  private var firstRefusal: String?
  private var received = 0

  init(
    _ kind: Kind, sentAt: Instant, deadline: Instant,
    completion: @escaping @LoopActor (Result<[RedisReply], RedisError>) -> Void
  ) {
    (self.kind, self.sentAt, self.deadline, self.completion) = (kind, sentAt, deadline, completion)
  }

  /// Takes the next reply; the result when it was the last one.
  func take(_ reply: RedisReply) -> Result<[RedisReply], RedisError>? {
    received += 1
    switch kind {
    case .command:
      if let message = reply.errorMessage { return .failure(.server(message)) }
      return .success([reply])
    case .transaction(let commands):
      guard received < commands + 2 else { return outcome(of: reply, commands: commands) }
      if let message = reply.errorMessage {
        refusals += 1
        firstRefusal = firstRefusal ?? message
      }
      return nil
    }
  }

  /// What EXEC's reply means. A refused MULTI is special: what follows it runs alone, so only where all was
  /// refused is it known that nothing was applied.
  private func outcome(of reply: RedisReply, commands: Int) -> Result<[RedisReply], RedisError> {
    switch reply {
    case .array(let elements) where elements.count == commands:
      if let message = elements.lazy.compactMap(\.errorMessage).first {
        return .failure(.outcomeUnknown(message))
      }
      return .success(elements)
    case .null: return .failure(.aborted("a watched key has changed"))
    case .error(let message) where message.hasPrefix("EXECABORT"):
      return .failure(.aborted(firstRefusal ?? message))
    case .error(let message):
      return refusals == commands + 1
        ? .failure(.aborted(firstRefusal ?? message)) : .failure(.outcomeUnknown(message))
    default: return .failure(.outcomeUnknown("an unexpected reply to EXEC"))
    }
  }
}
