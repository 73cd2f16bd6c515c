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
  /// The addresses of a host. A numeric address is its own; a name is looked up off the loop, on one of the few threads
  /// that libuv keeps for it. A silent name server holds such a thread for up to half a minute, so a look-up has a
  /// deadline, and one that has not begun by then is taken out of the line: look-ups do not pile up.
  ///
  /// - Throws: `ResolveError`.
  @LoopActor package func resolve(host: String, port: Int, deadline: Instant) async throws -> [SocketAddress]
  {
    if let numeric = SocketAddress.canonical(host) {
      return [SocketAddress(numericHost: numeric, port: port)]
    }
    return try await Lookup(host: host, port: port).run(on: self, deadline: deadline)
  }
}

@LoopActor private final class Lookup {
  let host: String
  let port: Int
  let answer = Completion<[SocketAddress]>()
  let request = UnsafeMutablePointer<uv_getaddrinfo_t>.allocate(capacity: 1)

  init(host: String, port: Int) { (self.host, self.port) = (host, port) }

  func run(on loop: EventLoop, deadline: Instant) async throws -> [SocketAddress] {
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
    if status != 0 {
      Unmanaged.passUnretained(self).release()
      request.deallocate()
      throw ResolveError(host: host, reason: String(cString: uv_strerror(status)))
    }
    do { return try await answer.value(deadline: deadline) } catch is DeadlineExceeded {
      // Without effect on a look-up that has begun: its end is then ignored. The request lives until its callback.
      UnsafeMutableRawPointer(request).withMemoryRebound(to: uv_req_t.self, capacity: 1) { _ = uv_cancel($0) }
      throw ResolveError(host: host, reason: "the name service did not answer in time")
    }
  }

  private func finish(_ status: Int32, _ list: UnsafeMutablePointer<addrinfo>?) {
    guard status == 0 else {
      answer.fail(ResolveError(host: host, reason: String(cString: uv_strerror(status))))
      return
    }
    var found: [SocketAddress] = []
    var entry = list
    while let current = entry {
      if let text = Lookup.numeric(current.pointee) {
        found.append(SocketAddress(numericHost: text, port: port))
      }
      entry = current.pointee.ai_next
    }
    if found.isEmpty {
      answer.fail(ResolveError(host: host, reason: "no address"))
    } else {
      answer.succeed(found)
    }
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
