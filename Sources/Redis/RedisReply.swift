internal import Chiredis

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

  package var errorMessage: String? {
    if case .error(let message) = self { message } else { nil }
  }

  /// Copies what hiredis has parsed; the caller frees the original.
  init(copying reply: redisReply) {
    switch reply.type {
    case REDIS_REPLY_INTEGER: self = .integer(reply.integer)
    case REDIS_REPLY_STRING: self = .string(Array(RedisReply.bytes(reply)))
    case REDIS_REPLY_STATUS: self = .status(RedisReply.status(RedisReply.bytes(reply)))
    case REDIS_REPLY_ERROR: self = .error(String(decoding: RedisReply.bytes(reply), as: UTF8.self))
    case REDIS_REPLY_ARRAY:
      var elements: [RedisReply] = []
      elements.reserveCapacity(Int(reply.elements))
      for index in 0..<Int(reply.elements) {
        guard let element = reply.element?[index] else { continue }
        elements.append(RedisReply(copying: element.pointee))
      }
      self = .array(elements)
    default: self = .null
    }
  }

  /// The statuses of every transaction without an allocation.
  private static func status(_ bytes: UnsafeRawBufferPointer) -> String {
    if bytes.elementsEqual("QUEUED".utf8) { return "QUEUED" }
    if bytes.elementsEqual("OK".utf8) { return "OK" }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func bytes(_ reply: redisReply) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: reply.str, count: Int(reply.len))
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
