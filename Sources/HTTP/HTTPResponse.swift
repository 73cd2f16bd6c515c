/// A handler's answer. The server adds `Content-Length`, `Date` and, where it applies, `Connection: close`.
package struct HTTPResponse: Sendable {
  package var status: Int
  package var contentType: String?
  /// Further lines. A control character in a value is sent as a space.
  package var headers: [(String, String)]
  package var body: [UInt8]
  /// Close the connection when this has been sent.
  package var close: Bool

  package init(
    status: Int, contentType: String? = nil, headers: [(String, String)] = [], body: [UInt8] = [],
    close: Bool = false
  ) {
    self.status = status
    self.contentType = contentType
    self.headers = headers
    self.body = body
    self.close = close
  }

  package static func text(_ text: String, status: Int = 200) -> HTTPResponse {
    HTTPResponse(status: status, contentType: "text/plain; charset=utf-8", body: Array(text.utf8))
  }

  package static func json(_ json: String, status: Int = 200) -> HTTPResponse {
    HTTPResponse(status: status, contentType: "application/json", body: Array(json.utf8))
  }

  package static func json(_ json: [UInt8], status: Int = 200) -> HTTPResponse {
    HTTPResponse(status: status, contentType: "application/json", body: json)
  }

  /// The server's own answer to a request that it refuses (RFC 9457); the connection is closed after it.
  package static func refusal(_ refusal: HTTPRefusal) -> HTTPResponse {
    let (code, status) = (refusal.code, refusal.status)
    let json =
      #"{"type":"/problems/\#(code)","title":"\#(HTTPStatus.phrase(status))","status":\#(status),"#
      + #""code":"\#(code)","detail":"\#(refusal.detail)"}"#
    return HTTPResponse(
      status: refusal.status, contentType: "application/problem+json",
      headers: refusal == .tooManyConnections ? [("Retry-After", "1")] : [], body: Array(json.utf8),
      close: true)
  }
}
