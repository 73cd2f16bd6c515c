/// Where a server listens, and its limits.
package struct HTTPServerConfiguration: Sendable {
  /// A name or an address.
  package var host: String
  /// 0: any free port.
  package var port: Int
  /// Lets several processes listen on one address (SO_REUSEPORT).
  package var sharePort = false
  /// Above this a connection is answered 503 and closed.
  package var maxConnections = 16_384
  /// Connections above that which are being refused; with as many as this, accepting pauses.
  package var maxRefused = 64
  package var head = HTTPHeadLimits()
  package var maxBodyBytes = 65_536
  /// Whether handlers see bodies. Otherwise a body is read, and counted, and no byte of it is kept.
  package var keepsBodies = true
  /// What is kept for all peers together: parts of requests, requests that wait for others, answers that are not taken.
  /// Above it, a connection that has to wait with more than `maxShareBytes` is closed, and no request begins beside
  /// another on the same connection.
  package var maxBufferedBytes = 67_108_864
  package var maxShareBytes = 4096
  /// From a head's first byte (or from the connection's beginning) to its last: 408, or where not a byte has come, the
  /// connection is closed.
  package var headTimeout = Duration.seconds(10)
  /// From a head's end to its body's end: 408.
  package var bodyTimeout = Duration.seconds(10)
  /// Between an answer and the next request: the connection is closed.
  package var idleTimeout = Duration.seconds(75)
  /// Without the peer taking a byte of an answer: the connection is closed.
  package var writeTimeout = Duration.seconds(10)
  /// From the end of the last answer until the peer closes: the connection is closed.
  package var lingerTimeout = Duration.seconds(2)
  /// Requests of one connection that wait for their answers at a time.
  package var maxPipelined = 32
  /// Bytes of answers that the peer has not taken; above this no further request of the connection begins.
  package var maxUnsentBytes = 262_144
  /// Bytes that are read and thrown away after the last answer, so that no reset makes the peer lose it.
  package var maxLingerBytes = 2_097_152

  package init(host: String = "127.0.0.1", port: Int = 0) {
    self.host = host
    self.port = port
  }

  func duration(of limit: TimeLimit) -> Duration {
    switch limit {
    case .head: headTimeout
    case .body: bodyTimeout
    case .idle: idleTimeout
    case .write: writeTimeout
    case .linger: lingerTimeout
    }
  }

  /// How often the deadlines are checked.
  var sweepInterval: Duration {
    let shortest = [headTimeout, bodyTimeout, idleTimeout, writeTimeout, lingerTimeout].min() ?? .seconds(1)
    return max(.milliseconds(5), min(.milliseconds(250), shortest / 8))
  }
}
