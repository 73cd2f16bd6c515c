internal import Chiredis

/// Reads replies from bytes without a connection: hiredis' own reader, as `RedisConnection` uses it.
package enum RedisReplyReader {
  /// The replies up to the end, or to the first byte that is none of the protocol (`isBroken`).
  package static func read(_ pieces: [[UInt8]]) -> (replies: [RedisReply], isBroken: Bool) {
    guard let reader = redisReaderCreate() else { return ([], true) }
    defer { redisReaderFree(reader) }
    let tape = ReplyTape()
    tape.attach(to: reader)
    var replies: [RedisReply] = []
    for piece in pieces {
      let status = piece.withUnsafeBytes {
        redisReaderFeed(reader, $0.bindMemory(to: CChar.self).baseAddress, $0.count)
      }
      guard status == REDIS_OK else { return (replies, true) }
      while true {
        var raw: UnsafeMutableRawPointer?
        guard redisReaderGetReply(reader, &raw) == REDIS_OK else { return (replies, true) }
        guard raw != nil else { break }
        replies.append(tape.take())
      }
    }
    return (replies, false)
  }
}
