/// Where one server listens.
package struct RedisAddress: Hashable, Sendable, CustomStringConvertible {
  /// A name or an address.
  package let host: String
  package let port: Int

  package init(_ host: String, _ port: Int) { (self.host, self.port) = (host, port) }

  /// As `host:port`; an IPv6 address stands in brackets.
  package var description: String { "\(host.contains(":") ? "[\(host)]" : host):\(port)" }
}
