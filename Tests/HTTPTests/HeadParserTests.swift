import HTTP
import TestSupport
import Testing

/// What the parser finds in heads that it takes. (What it refuses: `ServerRefusalTests`.)
@Suite(.limited) struct HeadParserTests {
  private func parsed(_ text: String) -> (HTTPRequest, HeadParser)? {
    let parser = HeadParser(.request)
    let bytes = Array(text.utf8)
    return bytes.withUnsafeBytes { raw in
      parser.parse(raw) == .complete(length: bytes.count) ? (parser.request(raw), parser) : nil
    }
  }

  @Test func findsEverything() throws {
    let text =
      "PATCH /a%20b?x=?&y HTTP/1.1\r\nHost: example:80\r\nX-User-Id: \t one \r\n"
      + "EMPTY:\r\nx-user-id:two\r\n\r\n"
    let (request, parser) = try #require(parsed(text))
    #expect(request.method == .other("PATCH"))
    #expect(request.path == "/a%20b")
    #expect(request.query == "x=?&y")
    #expect(request.version == .http11)
    #expect(request.headers.count == 4)
    #expect(request.headers.first("x-user-id") == "one")
    #expect(request.headers.values("x-user-id") == ["one", "two"])
    #expect(request.headers.first("empty") == "")
    #expect(request.headers.first("missing") == nil)
    #expect(request.headers.lines.map(\.name) == ["Host", "X-User-Id", "EMPTY", "x-user-id"])
    #expect(parser.body == .none)
    #expect(!parser.closes && !parser.expectsContinue)
  }

  /// What a client sends to a proxy (RFC 9112, 3.2.2). Without a path it is the root's address.
  @Test(arguments: [
    ("http://coupons.example/v1/stays?x=1&y", "/v1/stays", "x=1&y"), ("HTTP://[::1]:8081/a", "/a", nil),
    ("http://x", "/", nil), ("http://x?a=/b", "/", "a=/b"), ("http://x/?", "/", ""),
    ("http://x//y", "//y", nil), ("/http://x", "/http://x", nil), ("/a?", "/a", ""),
  ])
  func takesAnAbsoluteTarget(target: String, path: String, query: String?) throws {
    let (request, _) = try #require(parsed("GET \(target) HTTP/1.1\r\nHost: another\r\n\r\n"))
    #expect(request.path == path)
    #expect(request.query == query)
    request.withPath { bytes in
      #expect(bytes.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) } == path)
    }
    #expect(request.headers.lines.map(\.value) == ["another"])
  }

  @Test func takesAHeadWithoutLines() throws {
    let (request, _) = try #require(parsed("GET /a?b HTTP/1.0\r\n\r\n"))
    #expect(request.path == "/a" && request.query == "b" && request.version == .http10)
    #expect(request.headers.count == 0 && request.headers.lines.isEmpty)
    #expect(request.headers.first("host") == nil && request.headers.values("host").isEmpty)
    request.headers.withFirst("host") { _, _ in Issue.record("found a header that was not sent") }
  }

  @Test(arguments: [("", "/", nil), ("?q", "/", "q"), ("/a?", "/a", ""), ("/a?b?c", "/a", "b?c")])
  func aRequestToSendKeepsItsTarget(target: String, path: String, query: String?) throws {
    let request = HTTPRequest(.get, target, headers: [("X-User-Id", "kim")])
    #expect(request.path == path && request.query == query)
    #expect(request.headers.first("x-user-id") == "kim")
  }

  @Test(arguments: [
    ("GET", HTTPMethod.get), ("HEAD", .head), ("POST", .post), ("PUT", .put), ("DELETE", .delete),
    ("get", .other("get")), ("OPTIONS", .other("OPTIONS")),
  ])
  func knowsMethods(_ name: String, _ method: HTTPMethod) throws {
    let (request, _) = try #require(parsed("\(name) / HTTP/1.1\r\nHost: x\r\n\r\n"))
    #expect(request.method.name == name)
    #expect(request.method == method)
  }

  @Test func picksUpTheBodysLength() throws {
    let length = try #require(parsed("POST / HTTP/1.1\r\nHost: x\r\ncontent-LENGTH: 0012 \r\n\r\n"))
    #expect(length.1.body == .bytes(12))
    let chunked = try #require(parsed("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: CHUNKED\r\n\r\n"))
    #expect(chunked.1.body == .chunked)
    let huge = try #require(
      parsed("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\(String(repeating: "9", count: 40))\r\n\r\n"))
    #expect(huge.1.body == .bytes(.max))
  }

  @Test func takesHeadsUpToTheLimitsAndNotBeyond() throws {
    func head(_ count: Int) -> String {
      let start = "GET / HTTP/1.1\r\nHost: x\r\nX: "
      return start + String(repeating: "y", count: count - start.utf8.count - 4) + "\r\n\r\n"
    }
    #expect(parsed(head(8192)) != nil)
    #expect(parsed(head(8193)) == nil)
    let lines = { (count: Int) in
      "GET / HTTP/1.1\r\nHost: x\r\n" + String(repeating: "a: b\r\n", count: count - 1) + "\r\n"
    }
    #expect(parsed(lines(64))?.0.headers.count == 64)
    #expect(parsed(lines(65)) == nil)
  }

  @Test func readsAnswers() {
    let parser = HeadParser(.answer)
    let cases: [(String, HeadParser.Result, Int)] = [
      ("HTTP/1.1 200 OK\r\n\r\n", .complete(length: 19), 200),
      ("HTTP/1.1 204 \r\n\r\n", .complete(length: 17), 204),
      ("HTTP/1.0 404\r\n\r\n", .complete(length: 16), 404),
      ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n", .incomplete, 0),
      ("HTTP/1.1 20 OK\r\n\r\n", .refused(.badStartLine), 0),
      ("HTTP/1.1 2000 OK\r\n\r\n", .refused(.badStartLine), 0),
      ("HTTP/2.0 200 OK\r\n\r\n", .refused(.unsupportedVersion), 0),
      ("SSH-2.0-OpenSSH_9\r\n\r\n", .refused(.badStartLine), 0),
    ]
    for (text, result, status) in cases {
      Array(text.utf8).withUnsafeBytes { #expect(parser.parse($0) == result, "\(text)") }
      if status > 0 { #expect(parser.status == status) }
    }
  }

  @Test func requestsAreWrittenAsTheyAreRead() throws {
    let sent = HTTPRequest(
      .post, "/a?b", headers: [("X-Thing", "1\r\nX-Injected: 2"), ("no name", "3")], body: [1, 2])
    let bytes = sent.wireBytes(host: "h:1")
    let (read, parser) = try #require(parsed(String(decoding: bytes.dropLast(2), as: UTF8.self)))
    #expect(read.path == "/a" && read.query == "b" && read.method == .post)
    #expect(read.headers.first("host") == "h:1")
    #expect(read.headers.first("x-thing") == "1  X-Injected: 2")
    #expect(read.headers.count == 3)
    #expect(parser.body == .bytes(2))
  }
}
