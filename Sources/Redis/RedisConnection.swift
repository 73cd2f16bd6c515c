internal import Chiredis
internal import EventLoop

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// One connection over non-blocking hiredis, where wanted through TLS: then hiredis connects and reads replies, and what is
/// between the two goes through a `TLSSession`. Any error closes it for good.
///
///     connecting ─▶ [securing] ─▶ open ─▶ closed
///          └────────────┴─────────────────▲
@LoopActor
final class RedisConnection {
  enum State {
    case connecting
    /// The TLS handshake is under way.
    case securing
    case open
    case closed
  }

  private(set) var state = State.connecting
  private(set) var lastReceivedAt = Instant.now
  private let context: UnsafeMutablePointer<redisContext>
  private let tape = ReplyTape()
  private var watch: DescriptorWatch?
  private let tls: TLSSession?
  /// What the socket has not accepted yet of an encrypted connection.
  private var unsent: [UInt8] = []
  private var hasReceived = false
  private let onOpen: @LoopActor () -> Void
  private let onReplies: @LoopActor (RedisConnection) -> Void
  private let onClose: @LoopActor (String) -> Void

  /// - Parameters:
  ///   - server: the host as it was named, and whether the way there is encrypted.
  ///   - onReplies: something came; `nextReply` gives what of it is whole.
  /// - Throws: `RedisError.unavailable`.
  init(
    _ address: SocketAddress, of server: RedisConfiguration, onOpen: @escaping @LoopActor () -> Void,
    onReplies: @escaping @LoopActor (RedisConnection) -> Void, onClose: @escaping @LoopActor (String) -> Void
  ) throws(RedisError) {
    do throws(TLSSession.Failure) {
      tls =
        server.isEncrypted
        ? try TLSSession(host: server.host, context: .shared(authorities: server.authorities)) : nil
    } catch { throw .unavailable(error.reason) }
    guard let context = redisConnectNonBlock(address.numericHost, Int32(address.port)) else {
      throw .unavailable("out of memory")
    }
    guard context.pointee.err == 0 else {
      let message = RedisConnection.message(context)
      redisFree(context)
      throw .unavailable(message)
    }
    tape.attach(to: context.pointee.reader)
    (self.context, self.onOpen, self.onReplies, self.onClose) = (context, onOpen, onReplies, onClose)
    let watch = DescriptorWatch(context.pointee.fd) { [weak self] ready in self?.ready(ready) }
    watch.watch(.writable)
    self.watch = watch
  }

  /// Writes what the socket accepts now, and the rest when it is writable again.
  func write(_ bytes: [UInt8]) {
    guard state == .open else { return }
    if let tls {
      do { try tls.write(bytes) } catch { return close(error.reason) }
      return flush(tls)
    }
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
      lastReceivedAt = .now
      watch?.watch(.readable)
      guard let tls else { return open() }
      state = .securing
      return secure(tls)
    }
    if let tls {
      if state != .closed, ready.contains(.writable) { flush(tls) }
      if state != .closed, ready.contains(.readable) { receive(tls) }
      return
    }
    if state == .open, ready.contains(.writable) { flush() }
    if state == .open, ready.contains(.readable) { receive() }
  }

  private func open() {
    state = .open
    onOpen()
  }

  private func flush() {
    var done: Int32 = 0
    guard redisBufferWrite(context, &done) == REDIS_OK else { return close(RedisConnection.message(context)) }
    watch?.watch(done == 0 ? [.readable, .writable] : .readable)
  }

  private func receive() {
    guard redisBufferRead(context) == REDIS_OK else {
      let message = RedisConnection.message(context)
      // As a server does that wants TLS.
      return close(
        hasReceived ? message : "\(message), before it said anything (rediss:// is for a server with TLS)")
    }
    readReplies()
  }

  private func readReplies() {
    hasReceived = true
    // What is decided by the replies is decided by the time at which they came.
    EventLoop.shared.rereadTime()
    lastReceivedAt = EventLoop.shared.turnTime
    onReplies(self)
  }

  /// The next whole reply of what has come; nil where there is none, or the connection is closed.
  func nextReply() -> RedisReply? {
    guard state == .open else { return nil }
    var raw: UnsafeMutableRawPointer?
    guard redisGetReplyFromReader(context, &raw) == REDIS_OK else {
      close(RedisConnection.message(context))
      return nil
    }
    return raw == nil ? nil : tape.take()
  }

  // MARK: - TLS

  private static let pieceSize = 16_384

  private func secure(_ tls: TLSSession) {
    do { try tls.shakeHands() } catch {
      // The server is told why.
      flush(tls)
      return close(error.reason)
    }
    flush(tls)
    if tls.isEstablished, state == .securing { open() }
  }

  private func flush(_ tls: TLSSession) {
    tls.takeOutput(into: &unsent)
    var sent = 0
    while sent < unsent.count {
      let count = unsent.withUnsafeBytes { buffer in
        send(context.pointee.fd, buffer.baseAddress.map { $0 + sent }, buffer.count - sent, 0)
      }
      if count >= 0 {
        sent += count
      } else if errno == EAGAIN || errno == EWOULDBLOCK {
        break
      } else if errno != EINTR {
        return close(SocketError("send", code: errno).description)
      }
    }
    unsent.removeFirst(sent)
    watch?.watch(unsent.isEmpty ? .readable : [.readable, .writable])
  }

  private func receive(_ tls: TLSSession) {
    let hasEnded = withUnsafeTemporaryAllocation(byteCount: Self.pieceSize, alignment: 1) { buffer in
      let count = recv(context.pointee.fd, buffer.baseAddress, buffer.count, 0)
      if count < 0, errno != EAGAIN, errno != EWOULDBLOCK, errno != EINTR {
        close(SocketError("recv", code: errno).description)
      }
      if count > 0 { tls.received(UnsafeRawBufferPointer(rebasing: buffer[..<count])) }
      return count == 0
    }
    guard state != .closed else { return }
    if state == .securing { secure(tls) }
    if state == .open { decrypt(tls) }
    if state != .closed, hasEnded || tls.isClosed { close("Server closed the connection") }
  }

  private func decrypt(_ tls: TLSSession) {
    do throws(TLSSession.Failure) {
      while state == .open {
        let count = try withUnsafeTemporaryAllocation(byteCount: Self.pieceSize, alignment: 1) {
          buffer throws(TLSSession.Failure) -> Int in
          let count = try tls.read(into: buffer)
          guard count > 0 else { return 0 }
          let text = buffer.baseAddress?.assumingMemoryBound(to: CChar.self)
          guard redisReaderFeed(context.pointee.reader, text, count) == REDIS_OK else {
            throw TLSSession.Failure(reason: "the reply is too long")
          }
          return count
        }
        guard count > 0 else { break }
        readReplies()
      }
    } catch { return close(error.reason) }
    // A new key of the session is answered.
    if state == .open { flush(tls) }
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
