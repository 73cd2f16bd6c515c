package import EventLoop

/// A whole request: a server's handler receives it, a client sends it.
package struct HTTPRequest: Sendable {
  /// A server's handler sees a HEAD as a GET: the server leaves the body out.
  package var method: HTTPMethod
  /// The target before the question mark, as it was sent: visible ASCII that begins with a slash, not decoded.
  package var path: String
  /// The target behind the question mark, as it was sent; nil without a question mark.
  package var query: String?
  package var version: HTTPVersion
  package var headers: HTTPHeaders
  package var body: [UInt8]
  /// When a server first saw it, perhaps some turns before its handler is called: deadlines count from here. Nil in a
  /// client.
  package var receivedAt: Instant?

  package init(
    method: HTTPMethod, path: String, query: String? = nil, version: HTTPVersion = .http11,
    headers: HTTPHeaders = HTTPHeaders(), body: [UInt8] = [], receivedAt: Instant? = nil
  ) {
    self.method = method
    self.path = path
    self.query = query
    self.version = version
    self.headers = headers
    self.body = body
    self.receivedAt = receivedAt
  }

  /// A request to send. The target is a path with or without a query.
  package init(_ method: HTTPMethod, _ target: String, headers: [(String, String)] = [], body: [UInt8] = []) {
    let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    self.init(
      method: method, path: parts.first.map(String.init) ?? "/",
      query: parts.count > 1 ? String(parts[1]) : nil, headers: HTTPHeaders(headers), body: body)
  }

  /// The request as it is sent: with `Host`, and with `Content-Length` if there is a body or the method expects one.
  package func wireBytes(host: String) -> [UInt8] {
    var text = "\(method.name) \(path)"
    if let query { text += "?\(query)" }
    text += " HTTP/1.1\r\n"
    if headers.first("host") == nil { text += "Host: \(host)\r\n" }
    for (name, value) in headers.lines { text += "\(name): \(value)\r\n" }
    if !body.isEmpty || !(method.isSafe || method == .delete) {
      text += "Content-Length: \(body.count)\r\n"
    }
    text += "\r\n"
    return Array(text.utf8) + body
  }
}
