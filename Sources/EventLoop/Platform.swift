internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Everything that differs between the supported systems, and nothing else.
package enum Platform {
  #if canImport(Glibc)
    static let streamSocket = Int32(SOCK_STREAM.rawValue)
    static let tcpProtocol = Int32(IPPROTO_TCP)
    /// Linux can distribute accepted connections over processes that share an address.
    static let reusePort = SO_REUSEPORT
  #elseif canImport(Darwin)
    static let streamSocket = SOCK_STREAM
    static let tcpProtocol = IPPROTO_TCP
    static let reusePort = SO_REUSEPORT
  #endif

  /// Writing to a closed peer returns an error instead of ending the program.
  static func ignoreBrokenPipes() { _ = signal(SIGPIPE, SIG_IGN) }

  /// Opens /dev/null for each of standard input, output and error that the parent has closed: otherwise the
  /// next file or socket would get its number and receive what is written to it.
  package static func holdStandardDescriptors() {
    for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) == -1 {
      // `open` returns the lowest free number, which is this one.
      _ = open("/dev/null", O_RDWR)
    }
  }

  /// The highest number of descriptors that this process may have, after raising its limit as far as allowed.
  @discardableResult
  package static func raiseDescriptorLimit() -> Int {
    var limit = rlimit()
    #if canImport(Glibc)
      let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #else
      let resource = RLIMIT_NOFILE
    #endif
    guard getrlimit(resource, &limit) == 0 else { return 256 }
    var raised = limit
    raised.rlim_cur = min(limit.rlim_max, 1_048_576)
    if setrlimit(resource, &raised) == 0 { limit = raised }
    return Int(clamping: limit.rlim_cur)
  }

  /// A pipe, both ends non-blocking and closed on exec.
  static func pipe() throws(SocketError) -> (reader: Int32, writer: Int32) {
    var ends: [Int32] = [-1, -1]
    #if canImport(Glibc)
      let status = Glibc.pipe(&ends)
    #else
      let status = Darwin.pipe(&ends)
    #endif
    guard status == 0 else { throw SocketError("pipe") }
    try setNonBlocking(ends[0])
    try setNonBlocking(ends[1])
    return (ends[0], ends[1])
  }

  static func setNonBlocking(_ descriptor: Int32) throws(SocketError) {
    guard fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK) != -1,
      fcntl(descriptor, F_SETFD, FD_CLOEXEC) != -1
    else { throw SocketError("fcntl") }
  }

  static func free(_ pointer: UnsafeMutableRawPointer?) {
    #if canImport(Glibc)
      Glibc.free(pointer)
    #else
      Darwin.free(pointer)
    #endif
  }

  /// Reads and discards the content of a wake-up pipe.
  static func drain(_ descriptor: Int32) {
    withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
      while read(descriptor, buffer.baseAddress, buffer.count) == buffer.count {}
    }
  }

  /// Writes to a wake-up pipe; a full one wakes as well.
  package static func ring(_ writer: Int32) {
    var byte: UInt8 = 0
    _ = write(writer, &byte, 1)
  }

  /// Blocks the thread until something can be read, or a signal comes.
  static func sleep(untilReadable descriptor: Int32) {
    var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    _ = poll(&wanted, 1, -1)
  }

  /// Starts a detached thread.
  package static func startThread(named name: String, _ body: @escaping @Sendable () -> Void) {
    let context = Unmanaged.passRetained(ThreadBody(body)).toOpaque()
    #if canImport(Glibc)
      var thread = pthread_t()
      let status = pthread_create(
        &thread, nil,
        { context in
          if let context { Unmanaged<ThreadBody>.fromOpaque(context).takeRetainedValue().run() }
          return nil
        }, context)
    #else
      var thread: pthread_t?
      let status = pthread_create(
        &thread, nil,
        { context in
          Unmanaged<ThreadBody>.fromOpaque(context).takeRetainedValue().run()
          return nil
        }, context)
    #endif
    precondition(status == 0, "no thread for \(name)")
    // Nobody joins it: otherwise its stack would be kept for ever.
    #if canImport(Glibc)
      pthread_detach(thread)
    #else
      if let thread { pthread_detach(thread) }
    #endif
  }
}

private final class ThreadBody: Sendable {
  let run: @Sendable () -> Void
  init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}
