internal import EventLoop

/// One of the servers that a URL names, with what libpq needs to reach it.
struct Server: Hashable {
  let host: String
  /// A numeric address that makes resolving the host needless.
  var address: String?
  let port: Int

  /// Whether the host must be resolved; otherwise it is a socket's folder, or its address is known.
  var needsResolving: Bool { !host.hasPrefix("/") && !host.hasPrefix("@") && address == nil }

  /// The server once for each of its addresses, resolved off the loop: libpq would block.
  @LoopActor
  func resolved(deadline: Instant) async throws(TripFailure) -> [Server] {
    guard needsResolving else { return [self] }
    do {
      let addresses = try await EventLoop.shared.resolve(host: host, port: port, deadline: deadline)
      if !addresses.isEmpty {
        return addresses.map { Server(host: host, address: $0.numericHost, port: port) }
      }
    } catch { throw .notSent("\(error)") }
    throw .notSent("the host \(host) has no address")
  }
}

extension Server {
  /// The servers of libpq's parallel lists of hosts, addresses and ports; nil if the lists do not match.
  static func list(_ parameters: [String: String]) -> [Server]? {
    func list(_ keyword: String) -> [String] {
      (parameters[keyword] ?? "").split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
    let (hosts, addresses, ports) = (list("host"), list("hostaddr"), list("port"))
    let count = max(hosts.count, addresses.count)
    guard hosts.count == count || hosts == [""], addresses.count == count || addresses == [""],
      ports.count == count || ports.count == 1
    else { return nil }
    var servers: [Server] = []
    for index in 0..<count {
      let (host, address) = (
        hosts.count == count ? hosts[index] : "", addresses.count == count ? addresses[index] : ""
      )
      let port = ports.count == count ? ports[index] : ports[0]
      guard let number = UInt16(port.isEmpty ? "5432" : port), number > 0 else { return nil }
      servers.append(
        Server(
          host: host.isEmpty ? (address.isEmpty ? "localhost" : address) : host,
          address: address.isEmpty ? nil : address, port: Int(number)))
    }
    return servers
  }
}
