internal import Chiredis
internal import EventLoop

/// One connection over non-blocking hiredis. Any error closes it for good.
///
///     connecting ─▶ open ─▶ closed
///          └──────────────────▲
@LoopActor
final class RedisConnection {
  enum State {
    case connecting
    case open
    case closed
  }

  private(set) var state = State.connecting
  private(set) var lastReceivedAt = Instant.now
  private let context: UnsafeMutablePointer<redisContext>
  private let tape = ReplyTape()
  private var watch: DescriptorWatch?
  private let onOpen: @LoopActor () -> Void
  private let onReply: @LoopActor (RedisReply) -> Void
  private let onClose: @LoopActor (String) -> Void

  /// - Throws: `RedisError.unavailable`.
  init(
    _ address: SocketAddress, onOpen: @escaping @LoopActor () -> Void,
    onReply: @escaping @LoopActor (RedisReply) -> Void, onClose: @escaping @LoopActor (String) -> Void
  ) throws(RedisError) {
    guard let context = redisConnectNonBlock(address.numericHost, Int32(address.port)) else {
      throw .unavailable("out of memory")
    }
    guard context.pointee.err == 0 else {
      let message = RedisConnection.message(context)
      redisFree(context)
      throw .unavailable(message)
    }
    tape.attach(to: context.pointee.reader)
    (self.context, self.onOpen, self.onReply, self.onClose) = (context, onOpen, onReply, onClose)
    let watch = DescriptorWatch(context.pointee.fd) { [weak self] ready in self?.ready(ready) }
    watch.watch(.writable)
    self.watch = watch
  }

  /// Writes what the socket accepts now, and the rest when it is writable again.
  func write(_ bytes: [UInt8]) {
    guard state == .open else { return }
    let status = bytes.withUnsafeBytes { buffer in
      redisAppendFormattedCommand(context, buffer.bindMemory(to: CChar.self).baseAddress, buffer.count)
    }
    guard status == REDIS_OK else { return close("out of memory") }
    flush()
  }

  func close(_ reason: String) {
    guard state != .closed else { return }
    state = .closed
    watch?.stop()
    watch = nil
    redisFree(context)
    onClose(reason)
  }

  private func ready(_ ready: Readiness) {
    if state == .connecting {
      let code = Sockets.pendingError(context.pointee.fd)
      guard code == 0 else { return close(SocketError("connect", code: code).description) }
      state = .open
      lastReceivedAt = .now
      watch?.watch(.readable)
      onOpen()
      return
    }
    if state == .open, ready.contains(.writable) { flush() }
    if state == .open, ready.contains(.readable) { receive() }
  }

  private func flush() {
    var done: Int32 = 0
    guard redisBufferWrite(context, &done) == REDIS_OK else { return close(RedisConnection.message(context)) }
    watch?.watch(done == 0 ? [.readable, .writable] : .readable)
  }

  private func receive() {
    guard redisBufferRead(context) == REDIS_OK else { return close(RedisConnection.message(context)) }
    lastReceivedAt = .now
    while state == .open {
      var raw: UnsafeMutableRawPointer?
      guard redisGetReplyFromReader(context, &raw) == REDIS_OK else {
        return close(RedisConnection.message(context))
      }
      guard raw != nil else { return }
      onReply(tape.take())
    }
  }

  private static func message(_ context: UnsafeMutablePointer<redisContext>) -> String {
    withUnsafeBytes(of: context.pointee.errstr) { bytes in
      let text = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      return text.isEmpty ? "connection error" : text
    }
  }
}

extension RedisConnection: Severable {
  func sever() { close("cut by a fault switch") }
}

extension RedisConfiguration {
  /// The version of hiredis that this was compiled with, as `0.14.1`.
  package static var libraryVersion: String { "\(HIREDIS_MAJOR).\(HIREDIS_MINOR).\(HIREDIS_PATCH)" }
}
