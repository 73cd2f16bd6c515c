internal import Clibuv

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// A numeric address and port, as `getaddrinfo` found it.
package struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
  package let numericHost: String
  package let port: Int
  package init(numericHost: String, port: Int) { (self.numericHost, self.port) = (numericHost, port) }
  package var description: String {
    numericHost.contains(":") ? "[\(numericHost)]:\(port)" : "\(numericHost):\(port)"
  }

  /// The canonical spelling of a numeric address (`::1` for `0:0:0:0:0:0:0:1`); nil for a name, which would
  /// have to be resolved.
  package static func canonical(_ host: String) -> String? {
    var (v4, v6) = (in_addr(), in6_addr())
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { text in
      let length = socklen_t(text.count)
      let written: UnsafePointer<CChar>?
      if inet_pton(AF_INET, host, &v4) == 1 {
        written = inet_ntop(AF_INET, &v4, text.baseAddress, length)
      } else if inet_pton(AF_INET6, host, &v6) == 1 {
        written = inet_ntop(AF_INET6, &v6, text.baseAddress, length)
      } else {
        return nil
      }
      return written.map { String(cString: $0) }
    }
  }
}

/// A failed system call, and its `errno`.
package struct SocketError: Error, Hashable, Sendable, CustomStringConvertible {
  package let call: String
  package let code: Int32

  package init(_ call: String, code: Int32) { (self.call, self.code) = (call, code) }

  /// Takes the thread's `errno`.
  package init(_ call: String) { self.init(call, code: errno) }

  package var isAddressInUse: Bool { code == EADDRINUSE }
  /// Whether this machine itself had no descriptor, local port or memory left; nobody else has refused anything.
  package var isExhaustion: Bool {
    [EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL, EAGAIN].contains(code)
  }
  package var description: String { "\(call): \(String(cString: strerror(code)))" }
}

/// Non-blocking TCP sockets, closed on exec.
package enum Sockets {
  /// Listens on `host` (a name or an address) and `port` (0: any free one); returns the actual port.
  package static func listen(
    host: String, port: Int, reusePort: Bool = false, backlog: Int32 = 4096
  ) throws(SocketError) -> (descriptor: Int32, port: Int) {
    var hints = addrinfo()
    hints.ai_socktype = Platform.streamSocket
    hints.ai_flags = AI_PASSIVE
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, String(port), &hints, &list) == 0, let list else {
      throw SocketError("resolve \(host)", code: EADDRNOTAVAIL)
    }
    defer { freeaddrinfo(list) }
    let descriptor = try open(list.pointee.ai_family)
    do throws(SocketError) {
      setFlag(descriptor, SOL_SOCKET, SO_REUSEADDR)
      if reusePort { setFlag(descriptor, SOL_SOCKET, Platform.reusePort) }
      guard bind(descriptor, list.pointee.ai_addr, list.pointee.ai_addrlen) == 0 else {
        throw SocketError("bind")
      }
      guard systemListen(descriptor, backlog) == 0 else { throw SocketError("listen") }
      return (descriptor, try boundPort(descriptor))
    } catch {
      close(descriptor)
      throw error
    }
  }

  /// Accepts the next waiting connection; nil if none waits.
  package static func accept(_ listener: Int32) throws(SocketError) -> Int32? {
    while true {
      let descriptor = systemAccept(listener)
      if descriptor >= 0 {
        try Platform.setNonBlocking(descriptor)
        setFlag(descriptor, Platform.tcpProtocol, TCP_NODELAY)
        return descriptor
      }
      switch errno {
      case EINTR, ECONNABORTED: continue
      case EAGAIN, EWOULDBLOCK: return nil
      default: throw SocketError("accept")
      }
    }
  }

  /// Starts to connect: wait until the socket is writable, then check `pendingError`.
  package static func connect(to address: SocketAddress) throws(SocketError) -> Int32 {
    var storage = sockaddr_storage()
    let (family, length) = try fill(&storage, address)
    let descriptor = try open(family)
    setFlag(descriptor, Platform.tcpProtocol, TCP_NODELAY)
    let status = withUnsafePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { systemConnect(descriptor, $0, length) }
    }
    guard status == 0 || errno == EINPROGRESS else {
      let error = SocketError("connect")
      close(descriptor)
      throw error
    }
    return descriptor
  }

  /// The pending error of a socket (0: none). Reading it clears it.
  package static func pendingError(_ descriptor: Int32) -> Int32 {
    var code: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length) == 0 ? code : errno
  }

  package static func close(_ descriptor: Int32) { _ = systemClose(descriptor) }

  /// A port that was free a moment ago; if there is one, below those that the system gives to outgoing connections (from 32768
  /// on Linux, 49152 on macOS): one of these would take it while its server is down.
  package static func freePort() throws(SocketError) -> Int {
    for _ in 0..<32 {
      let port = Int.random(in: 12_000..<32_000)
      if let (descriptor, _) = try? listen(host: "127.0.0.1", port: port) {
        close(descriptor)
        return port
      }
    }
    let (descriptor, port) = try listen(host: "127.0.0.1", port: 0)
    close(descriptor)
    return port
  }

  private static func open(_ family: Int32) throws(SocketError) -> Int32 {
    let descriptor = socket(family, Platform.streamSocket, 0)
    guard descriptor >= 0 else { throw SocketError("socket") }
    do throws(SocketError) { try Platform.setNonBlocking(descriptor) } catch {
      close(descriptor)
      throw error
    }
    return descriptor
  }

  private static func setFlag(_ descriptor: Int32, _ level: Int32, _ option: Int32) {
    var on: Int32 = 1
    _ = setsockopt(descriptor, level, option, &on, socklen_t(MemoryLayout<Int32>.size))
  }

  private static func boundPort(_ descriptor: Int32) throws(SocketError) -> Int {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let status = withUnsafeMutablePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
    }
    guard status == 0 else { throw SocketError("getsockname") }
    // The port has the same offset in both families' addresses, in network byte order.
    return withUnsafeBytes(of: &storage) { Int($0[2]) << 8 | Int($0[3]) }
  }

  private static func fill(
    _ storage: inout sockaddr_storage, _ address: SocketAddress
  ) throws(SocketError) -> (Int32, socklen_t) {
    let port = in_port_t(truncatingIfNeeded: address.port).bigEndian
    var v4 = sockaddr_in()
    if inet_pton(AF_INET, address.numericHost, &v4.sin_addr) == 1 {
      v4.sin_family = sa_family_t(AF_INET)
      v4.sin_port = port
      withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: v4, as: sockaddr_in.self) }
      return (AF_INET, socklen_t(MemoryLayout<sockaddr_in>.size))
    }
    var v6 = sockaddr_in6()
    guard inet_pton(AF_INET6, address.numericHost, &v6.sin6_addr) == 1 else {
      throw SocketError("parse address", code: EINVAL)
    }
    v6.sin6_family = sa_family_t(AF_INET6)
    v6.sin6_port = port
    withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: v6, as: sockaddr_in6.self) }
    return (AF_INET6, socklen_t(MemoryLayout<sockaddr_in6>.size))
  }
}

// The system's functions, whose names the type above uses for its own.
private func systemListen(_ descriptor: Int32, _ backlog: Int32) -> Int32 { listen(descriptor, backlog) }
private func systemAccept(_ descriptor: Int32) -> Int32 { accept(descriptor, nil, nil) }
private func systemClose(_ descriptor: Int32) -> Int32 { close(descriptor) }
private func systemConnect(_ fd: Int32, _ address: UnsafePointer<sockaddr>, _ length: socklen_t) -> Int32 {
  connect(fd, address, length)
}
