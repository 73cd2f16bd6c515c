package import EventLoop

/// Why there is no answer. After any case but `neverSent` the server may have carried out the request.
package enum HTTPClientError: Error, Hashable, Sendable, CustomStringConvertible {
  /// No byte of the request was sent: no connection, none free in time, too many waiting.
  case neverSent(String)
  /// At least a part was sent, and no whole answer arrived: closed, reset, or the deadline passed.
  case sentNoAnswer(String)
  /// The answer is not HTTP or is larger than allowed.
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
  /// The `Host` header; nil: the address.
  package var host: String?
  package var maxConnections: Int
  /// Requests that wait for a connection; one more is refused as never sent.
  package var maxWaiting: Int
  package var head = HTTPHeadLimits(startLineBytes: 8192, headBytes: 32_768, headers: 128)
  package var maxBodyBytes = 64 << 20
  /// For opening a connection.
  package var connectTimeout = Duration.seconds(5)

  package init(address: SocketAddress, maxConnections: Int = 8, maxWaiting: Int = 1024) {
    self.address = address
    self.maxConnections = maxConnections
    self.maxWaiting = maxWaiting
  }

  var hostHeader: String { host ?? address.description }
}
