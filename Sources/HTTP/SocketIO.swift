#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Reading and writing non-blocking sockets. A peer that has gone is an error of the call: the loop ignores
/// SIGPIPE.
enum SocketIO {
  enum Transfer {
    case bytes(Int)
    case blocked
    /// The peer has sent its last byte (reading only).
    case ended
    case failed(Int32)
  }

  static func read(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) -> Transfer {
    while true {
      let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
      if count > 0 { return .bytes(count) }
      if count == 0 { return .ended }
      if errno == EINTR { continue }
      return errno == EAGAIN || errno == EWOULDBLOCK ? .blocked : .failed(errno)
    }
  }

  static func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Transfer {
    while true {
      let count = send(descriptor, bytes.baseAddress, bytes.count, 0)
      if count >= 0 { return .bytes(count) }
      if errno == EINTR { continue }
      return errno == EAGAIN || errno == EWOULDBLOCK ? .blocked : .failed(errno)
    }
  }

  /// Tells the peer that nothing more comes; reading goes on.
  static func shutdownWriting(_ descriptor: Int32) { _ = shutdown(descriptor, Int32(SHUT_WR)) }

  /// The system's words for an error.
  static func text(_ code: Int32) -> String { String(cString: strerror(code)) }
}
