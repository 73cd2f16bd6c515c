package import EventLoop

/// Why there is no answer. The first case is a "no"; the others are not: the server may have done what it
/// was asked.
package enum HTTPClientError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Not a byte of the request has left: no connection, none free in time, too many waiting.
  case neverSent(String)
  /// It was sent, at least in part, and no whole answer came: closed, reset, or the deadline.
  case sentNoAnswer(String)
  /// An answer came that is not HTTP or is larger than allowed.
  case badAnswer(String)

  package var description: String {
    switch self {
    case .neverSent(let why): "not sent: \(why)"
    case .sentNoAnswer(let why): "sent, but no answer: \(why)"
    case .badAnswer(let why): "bad answer: \(why)"
    }
  }
}

/// What a server answered.
package struct HTTPClientResponse: Sendable {
  package var status: Int
  package var headers: HTTPHeaders
  package var body: [UInt8]
}

package struct HTTPClientConfiguration: Sendable {
  package var address: SocketAddress
  /// What `Host` says; the address where nil.
  package var host: String?
  package var maxConnections: Int
  /// Requests that wait for a connection; one more is refused as never sent.
  package var maxWaiting: Int
  package var head = HTTPHeadLimits(startLineBytes: 8192, headBytes: 32_768, headers: 128)
  package var maxBodyBytes = 64 << 20
  /// For a connection to come about.
  package var connectTimeout = Duration.seconds(5)

  package init(address: SocketAddress, maxConnections: Int = 8, maxWaiting: Int = 1024) {
    self.address = address
    self.maxConnections = maxConnections
    self.maxWaiting = maxWaiting
  }

  var hostHeader: String { host ?? address.description }
}
