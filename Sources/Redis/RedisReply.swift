/// One reply of the protocol.
package enum RedisReply: Hashable, Sendable {
  case string([UInt8])
  case status(String)
  case integer(Int64)
  case array([RedisReply])
  case null
  case error(String)

  package var integer: Int64? {
    if case .integer(let value) = self { value } else { nil }
  }

  package var text: String? {
    switch self {
    case .string(let bytes): String(decoding: bytes, as: UTF8.self)
    case .status(let text): text
    default: nil
    }
  }

  /// Without what the server repeats of a command that it does not know: there may be a password in it.
  package var errorMessage: String? {
    guard case .error(let message) = self else { return nil }
    return message.firstRange(of: ", with args beginning with").map { String(message[..<$0.lowerBound]) }
      ?? message
  }
}

/// How a call failed, and what is known of its effect. Messages hold no keys, members or passwords.
package enum RedisError: Error, Hashable, Sendable {
  /// Not sent: there is no connection, or too much is in flight.
  case unavailable(String)
  /// Sent, without a whole answer: it may have been applied, or may yet be.
  case outcomeUnknown(String)
  /// The server refused the transaction as a whole: nothing of it was applied.
  case aborted(String)
  /// The server's error to one command, which was not applied.
  case server(String)
}
