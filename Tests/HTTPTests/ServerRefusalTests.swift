import EventLoop
import Foundation
import HTTP
import TestSupport
import Testing

/// What a server is sent and what it must say; nil: it may only close.
struct BadCase: Sendable, CustomTestStringConvertible {
  var name: String
  var bytes: [UInt8]
  var statuses: Set<Int>

  init(_ name: String, _ text: String, _ statuses: Set<Int>) {
    self.init(name, bytes: Array(text.utf8), statuses)
  }

  init(_ name: String, bytes: [UInt8], _ statuses: Set<Int>) {
    (self.name, self.bytes, self.statuses) = (name, bytes, statuses)
  }

  var testDescription: String { name }
}

/// A head with a line of one's own after the Host.
private func get(_ line: String) -> String { "GET / HTTP/1.1\r\n\(host)\(line)\r\n\r\n" }
private func post(_ lines: String, _ body: String = "") -> String {
  "POST / HTTP/1.1\r\n\(host)\(lines)\r\n\r\n\(body)"
}
private let chunked = "Transfer-Encoding: chunked"

private let lines: [BadCase] = [
  BadCase("no colon", get("X-Thing"), [400]),
  BadCase("space before the colon", get("X-Thing : 1"), [400]),
  BadCase("tab before the colon", get("X-Thing\t: 1"), [400]),
  BadCase("folded line", get("X-Thing: 1\r\n  2"), [400]),
  BadCase("blank before the first header", "GET / HTTP/1.1\r\n Host: x\r\n\r\n", [400]),
  BadCase("empty name", get(": 1"), [400]),
  BadCase("bare line feed in the header", get("X-Thing: 1\nX-Other: 2"), [400]),
  BadCase("only line feeds", "GET / HTTP/1.1\nHost: x\n\n", [400]),
  BadCase("bare carriage return", get("X-Thing: 1\rX-Other: 2"), [400]),
  BadCase("NUL in a value", get("X-Thing: 1\u{0}2"), [400]),
  BadCase("NUL in the target", "GET /\u{0} HTTP/1.1\r\n\(host)\r\n", [400]),
  BadCase("DEL in a name", get("X\u{7f}: 1"), [400]),
]

private let lengths: [BadCase] = [
  BadCase("two lengths", post("Content-Length: 5\r\nContent-Length: 5", "hello"), [400]),
  BadCase("two different lengths", post("Content-Length: 5\r\nContent-Length: 6", "hello!"), [400]),
  BadCase("signed length", post("Content-Length: +5", "hello"), [400]),
  BadCase("negative length", post("Content-Length: -1"), [400]),
  BadCase("listed length", post("Content-Length: 5, 5", "hello"), [400]),
  BadCase("hexadecimal length", post("Content-Length: 0x5", "hello"), [400]),
  BadCase("empty length", post("Content-Length: "), [400]),
  BadCase("overflowing length", post("Content-Length: 99999999999999999999999999"), [400, 413]),
  BadCase("length of 2^64", post("Content-Length: 18446744073709551616"), [400, 413]),
  BadCase("huge length", post("Content-Length: 1000000000"), [413]),
  BadCase("length just above the limit", post("Content-Length: 65537"), [413]),
  BadCase("length and chunked", post("Content-Length: 5\r\n\(chunked)", "0\r\n\r\n"), [400]),
  BadCase("chunked and length", post("\(chunked)\r\nContent-Length: 5", "0\r\n\r\n"), [400]),
]

private let codings: [BadCase] = [
  BadCase("unknown coding", post("Transfer-Encoding: gzip"), [400]),
  BadCase("coding behind another", post("Transfer-Encoding: gzip, chunked"), [400]),
  BadCase("chunked twice", post("\(chunked)\r\n\(chunked)"), [400]),
  BadCase("a coding that only looks like it", post("Transfer-Encoding: xchunked"), [400]),
  BadCase("chunked in 1.0", "POST / HTTP/1.0\r\n\(chunked)\r\n\r\n0\r\n\r\n", [400]),
  BadCase("chunk size not a number", post(chunked, "x\r\n"), [400]),
  BadCase("chunk size negative", post(chunked, "-1\r\n"), [400]),
  BadCase("chunk size overflowing", post(chunked, "fffffffffffffffff\r\n"), [400, 413]),
  BadCase("chunk with a bare line feed", post(chunked, "5\nhello\r\n0\r\n\r\n"), [400]),
  BadCase("chunk longer than told", post(chunked, "4\r\nhello\r\n0\r\n\r\n"), [400]),
  BadCase("chunk above the limit", post(chunked, "10001\r\n"), [413]),
  BadCase("endless chunk extension", post(chunked, "1;" + String(repeating: "e", count: 9000)), [400]),
  BadCase(
    "endless trailers", post(chunked, "0\r\n" + String(repeating: "X-Thing: 1\r\n", count: 1000)), [400]),
]

private let firstLines: [BadCase] = [
  BadCase("no Host", "GET / HTTP/1.1\r\n\r\n", [400]),
  BadCase("two Hosts", "GET / HTTP/1.1\r\n\(host)\(host)\r\n", [400]),
  BadCase("a Host with a path", "GET / HTTP/1.1\r\nHost: x/y\r\n\r\n", [400]),
  BadCase("HTTP/2.0", "GET / HTTP/2.0\r\n\(host)\r\n", [505]),
  BadCase("HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [505]),
  BadCase("HTTP/1.2", "GET / HTTP/1.2\r\n\(host)\r\n", [505]),
  BadCase("HTTP/0.9", "GET /\r\n", [400]),
  BadCase("no version", "GET / \r\n\(host)\r\n", [400]),
  BadCase("http in lower case", "GET / http/1.1\r\n\(host)\r\n", [400]),
  BadCase("two spaces", "GET  / HTTP/1.1\r\n\(host)\r\n", [400]),
  BadCase("tab for a space", "GET\t/ HTTP/1.1\r\n\(host)\r\n", [400]),
  BadCase("space at the end", "GET / HTTP/1.1 \r\n\(host)\r\n", [400]),
  BadCase("no slash", "GET x HTTP/1.1\r\n\(host)\r\n", [400]),
  BadCase("an absolute target without a Host line", "GET http://x/ HTTP/1.1\r\n\r\n", [400]),
  BadCase("user information in a target", "GET http://kim@x/ HTTP/1.1\r\n\(host)\r\n", [400]),
  BadCase("a target without a host", "GET http:///v1/stays HTTP/1.1\r\n\(host)\r\n", [400]),
  BadCase("a target with a port alone", "GET http://:80/ HTTP/1.1\r\n\(host)\r\n", [400]),
  BadCase("half a scheme", "GET http:/x HTTP/1.1\r\n\(host)\r\n", [400]),
  BadCase("an https target over an open connection", "GET https://x/ HTTP/1.1\r\n\(host)\r\n", [400]),
  BadCase("another scheme", "GET ftp://x/ HTTP/1.1\r\n\(host)\r\n", [400]),
  BadCase("a backslash behind a host", "GET http://x\\y/ HTTP/1.1\r\n\(host)\r\n", [400]),
  BadCase("an authority alone", "CONNECT x:80 HTTP/1.1\r\n\(host)\r\n", [400]),
  BadCase("an asterisk", "OPTIONS * HTTP/1.1\r\n\(host)\r\n", [400]),
  BadCase("a fragment", "GET /#x HTTP/1.1\r\n\(host)\r\n", [400]),
  BadCase("a target that is not ASCII", "GET /é HTTP/1.1\r\n\(host)\r\n", [400]),
  BadCase("a TLS hello", bytes: [0x16, 3, 1, 0, 0xa5, 1, 0, 0, 0xa1, 3, 3], [400]),
  BadCase("another expectation", get("Expect: 200-ok"), [417]),
]

private let sizes: [BadCase] = [
  BadCase("9 KiB of header", get("X-Thing: " + String(repeating: "x", count: 9216)), [431]),
  BadCase("1 MiB of header", get("X-Thing: " + String(repeating: "x", count: 1 << 20)), [431]),
  BadCase("1 MiB of short lines", get(String(repeating: "a: b\r\n", count: 174_763) + "c: d"), [431]),
  BadCase("100 headers", get((0..<100).map { "X-\($0): 1" }.joined(separator: "\r\n")), [431]),
  BadCase("1 MiB of request line", "GET /" + String(repeating: "x", count: 1 << 20), [414, 431]),
  BadCase("1 MiB without a space", String(repeating: "x", count: 1 << 20), [400, 414, 431]),
  BadCase("1 MiB of body", post("Content-Length: 1048576", String(repeating: "x", count: 1 << 20)), [413]),
]

/// Whether it has what RFC 9457 and the programs that read it need.
private func isProblem(_ body: String, status: Int) -> Bool {
  guard let problem = try? JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any],
    let code = problem["code"] as? String, let title = problem["title"] as? String
  else { return false }
  return problem["type"] as? String == "/problems/\(code)" && problem["status"] as? Int == status
    && !title.isEmpty && !code.isEmpty
}

@Suite(.limited) struct ServerRefusalTests {
  @Test(arguments: lines + lengths + codings + firstLines + sizes)
  func refusesAndCloses(_ one: BadCase) async throws {
    try await withServer { server in
      let peer = try await Peer(port: server.port)
      defer { peer.close() }
      peer.send(one.bytes)
      let status = try await peer.status()
      try await peer.wait { $0.end != .open }
      let answers = Answer.all(in: peer.received)
      #expect(answers.count == 1)
      #expect(status.map(one.statuses.contains) == true, "\(status ?? 0)")
      #expect(answers.first?.header("content-type") == "application/problem+json")
      #expect(answers.first?.header("connection") == "close")
      #expect(answers.first.map { isProblem($0.body, status: status ?? 0) } == true)
      #expect(peer.end == .closed)
      #expect(server.server.statistics.requests == 0)
      #expect(server.server.statistics.refusals.values.reduce(0, +) == 1)
    }
  }

  /// Whatever is refused in one piece is refused byte by byte as well, and nothing behind it is taken for a
  /// request.
  @Test(arguments: (lines + lengths + codings + firstLines).filter { $0.bytes.count < 500 })
  func refusesByteByByte(_ one: BadCase) async throws {
    try await withServer { server in
      let peer = try await Peer(port: server.port)
      defer { peer.close() }
      for byte in one.bytes + Array("GET /smuggled HTTP/1.1\r\n\(host)\r\n".utf8) {
        peer.send([byte])
        await nextTurn()
      }
      let text = try await peer.everything()
      let answers = Answer.all(in: peer.received)
      #expect(answers.map { one.statuses.contains($0.status) } == [true], "\(text)")
      #expect(server.server.statistics.requests == 0)
    }
  }

  @Test func answersWhatCameBeforeInOrder() async throws {
    try await withServer { server in
      let peer = try await Peer(port: server.port)
      defer { peer.close() }
      peer.send(
        "GET /later HTTP/1.1\r\n\(host)\r\nGET /2 HTTP/1.1\r\n\(host)\r\nbad\r\n\r\nGET /3 HTTP/1.1\r\n\r\n")
      _ = try await peer.everything()
      #expect(Answer.all(in: peer.received).map(\.status) == [200, 200, 400])
    }
  }

  @Test(arguments: 0..<20)
  func randomBytesNeverStick(_ seed: UInt64) async throws {
    try await withServer({ $0.headTimeout = .milliseconds(300) }) { server in
      var random = SeededGenerator(seed: seed)
      let bytes = (0..<Int.random(in: 1...20_000, using: &random)).map { _ in
        UInt8.random(in: 0...255, using: &random)
      }
      let peer = try await Peer(port: server.port)
      defer { peer.close() }
      peer.send(bytes)
      _ = try await peer.everything()
      #expect(server.server.statistics.requests == 0)
    }
  }
}
