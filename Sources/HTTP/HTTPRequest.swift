package import EventLoop

/// A whole request: a server's handler receives it, a client sends it.
package struct HTTPRequest: Sendable {
  /// A server's handler sees a HEAD as a GET: the server leaves the body out.
  package let method: HTTPMethod
  package let version: HTTPVersion
  package let headers: HTTPHeaders
  package var body: [UInt8]
  /// When a server first saw it, perhaps some turns before its handler is called: deadlines count from here. Nil in a
  /// client.
  package let receivedAt: Instant?
  /// How many of the bytes before the headers are the path, and the whole target: a text of its own would be an allocation
  /// for each request.
  private let pathCount: Int
  private let targetCount: Int

  private static let root = [UInt8(ascii: "/")]

  /// A request without its body, whose headers stand behind its target.
  init(
    _ method: HTTPMethod, _ version: HTTPVersion, _ headers: HTTPHeaders, path pathCount: Int,
    target targetCount: Int, receivedAt: Instant?
  ) {
    (self.method, self.version, self.headers) = (method, version, headers)
    (self.pathCount, self.targetCount, self.receivedAt) = (pathCount, targetCount, receivedAt)
    body = []
  }

  /// A request to send. The target is a path with or without a query.
  package init(_ method: HTTPMethod, _ target: String, headers: [(String, String)] = [], body: [UInt8] = []) {
    let bytes = Array(target.utf8)
    self.init(
      method, .http11, HTTPHeaders(headers, after: bytes),
      path: bytes.firstIndex(of: UInt8(ascii: "?")) ?? bytes.count, target: bytes.count, receivedAt: nil)
    self.body = body
  }

  /// The target before the question mark, as it was sent: visible ASCII that begins with a slash, not decoded. An address
  /// without a path means the root (RFC 9110, 4.2.3).
  package var path: String { pathCount == 0 ? "/" : headers.text(0..<pathCount) }

  /// The target behind the question mark, as it was sent; nil without a question mark.
  package var query: String? { pathCount == targetCount ? nil : headers.text(pathCount + 1..<targetCount) }

  /// Calls `body` with the bytes of `path`, for the hot path. (Not generic, because the caller is in another module.)
  package func withPath(_ body: (Span<UInt8>) -> Void) {
    if pathCount > 0 { return headers.withBytes(0..<pathCount, body) }
    body(Self.root.span)
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
