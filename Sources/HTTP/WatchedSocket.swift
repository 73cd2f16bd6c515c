internal import EventLoop

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// A non-blocking socket and its watch, which end together: the watch first, because the system gives a closed
/// descriptor's number to the next socket.
///
/// A peer that has gone is an error of the call: the loop ignores SIGPIPE.
@LoopActor
struct WatchedSocket {
  enum Transfer {
    case bytes(Int)
    case blocked
    /// The peer has sent its last byte (reading only).
    case ended
    case failed(Int32)
  }

  private let descriptor: Int32
  private var watch: DescriptorWatch?

  init(_ descriptor: Int32) { self.descriptor = descriptor }

  /// False where the loop cannot watch the socket.
  mutating func beginWatching(_ onReady: @escaping @LoopActor (Readiness) -> Void) -> Bool {
    let watch = DescriptorWatch(descriptor, onReady: onReady)
    guard watch.isWatching else { return false }
    self.watch = watch
    return true
  }

  func wait(for readiness: Readiness) { watch?.watch(readiness) }

  /// How connecting ended: 0, or the system's error.
  var pendingError: Int32 { Sockets.pendingError(descriptor) }

  func read(into buffer: UnsafeMutableRawBufferPointer) -> Transfer {
    while true {
      let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
      if count > 0 { return .bytes(count) }
      if count == 0 { return .ended }
      if errno == EINTR { continue }
      return errno == EAGAIN || errno == EWOULDBLOCK ? .blocked : .failed(errno)
    }
  }

  func write(_ bytes: UnsafeRawBufferPointer) -> Transfer {
    while true {
      let count = send(descriptor, bytes.baseAddress, bytes.count, 0)
      if count >= 0 { return .bytes(count) }
      if errno == EINTR { continue }
      return errno == EAGAIN || errno == EWOULDBLOCK ? .blocked : .failed(errno)
    }
  }

  /// Tells the peer that nothing more is sent; reading goes on.
  func shutdownWriting() { _ = shutdown(descriptor, Int32(SHUT_WR)) }

  mutating func close() {
    watch?.stop()
    watch = nil
    Sockets.close(descriptor)
  }

  /// The system's text for an error.
  nonisolated static func text(_ code: Int32) -> String { String(cString: strerror(code)) }
}
