package import EventLoop

/// The address that a program listens on: the loopback's, another one of this machine, or all of them.
package struct ListenAddress: Hashable, Sendable {
  package static let loopback = "127.0.0.1"

  /// Numeric, in its usual spelling.
  package let host: String

  package init(_ host: String?) { self.host = host ?? ListenAddress.loopback }

  /// Whether other machines reach it.
  package var isOpen: Bool { !["127.", "::ffff:127."].contains(where: host.hasPrefix) && host != "::1" }

  /// Where this machine reaches it: one that listens everywhere listens on the loopback, too.
  package func reached(port: Int) -> SocketAddress {
    let here = ["0.0.0.0": ListenAddress.loopback, "::": "::1"][host] ?? host
    return SocketAddress(numericHost: here, port: port)
  }
}

/// Where one program of `lab up` is to listen; a port of 0 asks for a free one.
package struct ListenOptions: Hashable, Sendable {
  package var host = ListenAddress.loopback
  package var port = 0
  package var operatorHost = ListenAddress.loopback
  package var operatorPort = 0

  package init() {}

  /// Where a part listened before it is started again.
  init(of part: LabState.Part) {
    (host, port) = (ListenAddress(part.host).host, part.port)
    (operatorHost, operatorPort) = (ListenAddress(part.adminHost).host, part.adminPort)
  }

  var environment: [String: String] {
    [
      "HTTP_HOST": host, "HTTP_PORT": String(port), "ADMIN_HOST": operatorHost,
      "ADMIN_PORT": String(operatorPort),
    ]
  }
}
