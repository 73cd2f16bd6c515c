internal import Clibuv

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// A host name that has no address, or none before the deadline.
package struct ResolveError: Error, Hashable, Sendable, CustomStringConvertible {
  package let host: String
  package let reason: String
  package var description: String { "cannot resolve \(host): \(reason)" }
}

extension EventLoop {
  /// The addresses of a host. A numeric address is its own; a name is looked up off the loop, on one of the two threads
  /// that libuv has for it. A silent name server holds such a thread for up to half a minute: hence the deadline, and one
  /// look-up of a name at a time, which whoever asks for that name meanwhile waits for, too. Otherwise the repeated
  /// look-ups of one name would hold both threads, and no other name would be found.
  ///
  /// - Throws: `ResolveError`.
  @LoopActor package func resolve(host: String, port: Int, deadline: Instant) async throws -> [SocketAddress]
  {
    if let numeric = SocketAddress.canonical(host) {
      return [SocketAddress(numericHost: numeric, port: port)]
    }
    do {
      let found = try await Lookup.of(host, on: self).addresses(until: deadline)
      return found.map { SocketAddress(numericHost: $0, port: port) }
    } catch is DeadlineExceeded {
      throw ResolveError(host: host, reason: "the name service did not answer in time")
    }
  }
}

/// One look-up of a name, and everybody who waits for it.
@LoopActor private final class Lookup {
  private static var underWay: [String: Lookup] = [:]

  private let host: String
  private var waiters: [Completion<[String]>] = []

  private init(host: String) { self.host = host }

  /// The look-up of this name that is under way, or a new one.
  static func of(_ host: String, on loop: EventLoop) throws(ResolveError) -> Lookup {
    if let known = underWay[host] { return known }
    let new = Lookup(host: host)
    try new.start(on: loop)
    underWay[host] = new
    return new
  }

  func addresses(until deadline: Instant) async throws -> [String] {
    let answer = Completion<[String]>()
    waiters.append(answer)
    return try await answer.value(deadline: deadline)
  }

  private func start(on loop: EventLoop) throws(ResolveError) {
    let request = UnsafeMutablePointer<uv_getaddrinfo_t>.allocate(capacity: 1)
    var hints = addrinfo()
    hints.ai_socktype = Platform.streamSocket
    request.pointee.data = Unmanaged.passRetained(self).toOpaque()
    let status = uv_getaddrinfo(
      loop.uv, request,
      { request, status, list in
        guard let request, let data = request.pointee.data else { return }
        let lookup = Unmanaged<Lookup>.fromOpaque(data).takeRetainedValue()
        LoopActor.assumeIsolated { lookup.finish(status, list) }
        uv_freeaddrinfo(list)
        request.deallocate()
      }, host, nil, &hints)
    guard status == 0 else {
      Unmanaged.passUnretained(self).release()
      request.deallocate()
      throw ResolveError(host: host, reason: String(cString: uv_strerror(status)))
    }
  }

  private func finish(_ status: Int32, _ list: UnsafeMutablePointer<addrinfo>?) {
    Lookup.underWay[host] = nil
    let result = Lookup.result(host, status, list)
    for waiter in waiters { waiter.resolve(result) }
    waiters = []
  }

  private static func result(
    _ host: String, _ status: Int32, _ list: UnsafeMutablePointer<addrinfo>?
  ) -> Result<[String], ResolveError> {
    guard status == 0 else {
      return .failure(ResolveError(host: host, reason: String(cString: uv_strerror(status))))
    }
    var found: [String] = []
    var entry = list
    while let current = entry {
      if let text = numeric(current.pointee) { found.append(text) }
      entry = current.pointee.ai_next
    }
    return found.isEmpty ? .failure(ResolveError(host: host, reason: "no address")) : .success(found)
  }

  private static func numeric(_ info: addrinfo) -> String? {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(NI_MAXHOST)) { buffer in
      guard let base = buffer.baseAddress,
        getnameinfo(info.ai_addr, info.ai_addrlen, base, socklen_t(buffer.count), nil, 0, NI_NUMERICHOST) == 0
      else { return nil }
      return String(cString: base)
    }
  }
}
