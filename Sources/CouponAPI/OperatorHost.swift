import EventLoop
import HTTP

/// Which `Host` the operator's listener answers to: an address, `localhost`, and the listener's own name.
///
/// A browser sends the name of the page that asks. A page whose name was made to lead to this listener's address (DNS
/// rebinding) therefore shows itself: its name is none of these. The token would refuse it as well; this refuses it
/// without a look at what it knows.
struct OperatorHost: Sendable {
  private let ownName: String

  /// - Parameter ownName: what the listener listens on.
  init(ownName: String) { self.ownName = ownName.lowercased() }

  func admits(_ request: HTTPRequest) -> Bool {
    // Without one only in HTTP/1.0, which no browser speaks.
    guard let header = request.headers.first("host") else { return true }
    let name = OperatorHost.withoutPort(header).lowercased()
    return name == "localhost" || name == ownName || SocketAddress.canonical(name) != nil
  }

  /// `[::1]:8091` is `::1`.
  private static func withoutPort(_ host: String) -> String {
    let (start, end) = (host.startIndex, host.lastIndex(of: ":") ?? host.endIndex)
    if host.hasPrefix("[") {
      // What follows the address, if anything, is a port.
      let close = host.firstIndex(of: "]") ?? host.endIndex
      let isWhole = close != host.endIndex && [end, host.endIndex].contains(host.index(after: close))
      return isWhole ? String(host[host.index(after: start)..<close]) : host
    }
    return String(host[..<end])
  }
}
