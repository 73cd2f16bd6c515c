internal import EventLoop

/// One call that was written and waits for its replies, which come in the order of writing.
struct RedisCall<Caller> {
  enum Owner {
    case caller(Caller)
    /// Sent under a fault switch that discards the answer.
    case unanswered(Caller)
    /// A step of the login, by its index.
    case login(Int)
    /// The session's own question whether transactions are carried out.
    case trial
  }

  /// The commands between MULTI and EXEC; nil for a single command.
  let commands: Int?
  /// ASKING goes before it, with a reply of its own.
  let isAsking: Bool
  let sentAt: Instant
  let deadline: Instant
  /// Nil once the caller has received `outcomeUnknown`; the replies are still read, and dropped.
  var owner: Owner?

  var caller: Caller? {
    switch owner {
    case .caller(let caller), .unanswered(let caller): caller
    case .login, .trial, nil: nil
    }
  }
}

/// The replies that have come to the first call in flight.
struct RedisReplies {
  static let watchedKeyChanged = "a watched key has changed"

  private var received = 0
  private var refusals = 0
  private var isMultiRefused = false
  private var firstRefusal: String?
  private var hasAsked = false

  /// Takes the next reply; returns the result once it was the last one.
  ///
  /// - Parameters:
  ///   - commands: those between MULTI and EXEC; nil for a single command.
  ///   - isAsking: the first reply is that of ASKING.
  mutating func take(
    _ reply: RedisReply, commands: Int?, isAsking: Bool
  ) -> Result<[RedisReply], RedisError>? {
    if isAsking, !hasAsked {
      hasAsked = true
      firstRefusal = reply.errorMessage
      return nil
    }
    guard let commands else {
      // What follows a refused ASKING is refused, and says less about the cause.
      if let message = reply.errorMessage { return .failure(.server(firstRefusal ?? message)) }
      return .success([reply])
    }
    received += 1
    guard received < commands + 2 else { return outcome(of: reply, commands: commands) }
    if let message = reply.errorMessage {
      refusals += 1
      if received == 1 { isMultiRefused = true }
      firstRefusal = firstRefusal ?? message
    }
    return nil
  }

  /// What EXEC's reply means. A server's own refusal of EXEC means that nothing was applied; of any other error (a proxy
  /// that has lost its server, say) that is not known. After a refused MULTI the commands run alone: only if all of them were
  /// refused is it known that nothing was applied.
  private func outcome(of reply: RedisReply, commands: Int) -> Result<[RedisReply], RedisError> {
    switch reply {
    case .array(let elements) where elements.count == commands:
      if let message = elements.lazy.compactMap(\.errorMessage).first {
        return .failure(.outcomeUnknown(message))
      }
      return .success(elements)
    case .null: return .failure(.aborted(RedisReplies.watchedKeyChanged))
    case .error:
      let message = reply.errorMessage ?? ""
      let reason = firstRefusal ?? RedisReplies.cause(of: message)
      let isRefusal =
        message.hasPrefix("EXECABORT") || RedisTrouble.Kind(RedisTrouble.word(of: message)) != nil
      return isRefusal && !isMultiRefused || refusals == commands + 1
        ? .failure(.aborted(reason)) : .failure(.outcomeUnknown(reason))
    default: return .failure(.outcomeUnknown("an unexpected reply to EXEC"))
    }
  }

  /// `EXECABORT Transaction discarded because of: NOPERM …` is the refusal of EXEC itself.
  private static func cause(of message: String) -> String {
    guard message.hasPrefix("EXECABORT"), let colon = message.firstIndex(of: ":") else { return message }
    return String(message[colon...].dropFirst().drop { $0 == " " })
  }
}
