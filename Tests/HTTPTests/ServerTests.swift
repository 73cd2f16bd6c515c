import EventLoop
import HTTP
import TestSupport
import Testing

@Suite(.limited) struct ServerTests {
  private func exchange(_ text: String, answers: Int = 1) async throws -> [Answer] {
    try await withServer { server in
      let peer = try await Peer(port: server.port, sending: text)
      defer { peer.close() }
      return try await peer.answers(answers)
    }
  }

  @Test func answers() async throws {
    let answer = try #require(try await exchange("GET /a/b?c=d&e HTTP/1.1\r\n\(host)\r\n").first)
    #expect(answer.status == 200)
    #expect(answer.body == "GET /a/b?c=d&e 0 ")
    #expect(answer.header("content-type") == "text/plain; charset=utf-8")
    #expect(answer.header("date")?.hasSuffix(" GMT") == true)
    #expect(answer.header("connection") == nil)
  }

  @Test(arguments: [
    (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
    (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
  ])
  func writesDates(_ seconds: Int64, _ text: String) { #expect(HTTPDate.text(seconds: seconds) == text) }

  /// However many ask at the same moment, a turn begins a bounded number of requests, and everybody is answered.
  @Test func aCrowdIsServedInBoundedTurns() async throws {
    try await onLoop {
      let turns = Turns()
      let server = HTTPServer(configuration: HTTPServerConfiguration()) { request in
        turns.count(request)
        return .now(.text("ok"))
      }
      let port = try server.start()
      var peers: [Peer] = []
      for _ in 0..<300 { peers.append(try await Peer(port: port)) }
      // All of it before the loop looks again.
      for peer in peers { peer.send(Array("GET /a HTTP/1.1\r\n\(host)\r\n".utf8)) }
      for peer in peers { #expect(try await peer.answers(1).first?.status == 200) }
      #expect(turns.most <= 128)
      #expect(server.statistics.readsPutOff >= 100)
      #expect(turns.times == turns.times.sorted())
      for peer in peers { peer.close() }
      await server.drain(deadline: .now + .seconds(10))
    }
  }

  /// A read may hold hundreds of requests: they count, too.
  @Test func pipelinedRequestsAreServedInBoundedTurns() async throws {
    try await onLoop {
      let turns = Turns()
      let server = HTTPServer(configuration: HTTPServerConfiguration()) { request in
        turns.count(request)
        return .now(.text("ok"))
      }
      let port = try server.start()
      var peers: [Peer] = []
      for _ in 0..<12 { peers.append(try await Peer(port: port)) }
      let requests = Array(String(repeating: "GET /a HTTP/1.1\r\n\(host)\r\n", count: 200).utf8)
      for peer in peers { peer.send(requests) }
      for peer in peers { #expect(try await peer.answers(200).count == 200) }
      // The budget, and what the last read that began within it holds.
      #expect(turns.most <= 256 + 200)
      for peer in peers { peer.close() }
      await server.drain(deadline: .now + .seconds(10))
    }
  }

  @Test func passesOverAnEmptyLine() async throws {
    #expect(try await exchange("\r\nGET /a HTTP/1.1\r\n\(host)\r\n").map(\.body) == ["GET /a 0 "])
  }

  @Test func requestInPieces() async throws {
    let text =
      "POST /p HTTP/1.1\r\n\(host)Content-Length: 5\r\n\r\nhelloGET /next HTTP/1.1\r\n\(host)\r\n"
    let answers = try await withServer { server in
      let peer = try await Peer(port: server.port)
      defer { peer.close() }
      for byte in text.utf8 {
        peer.send([byte])
        await nextTurn()
      }
      return try await peer.answers(2)
    }
    #expect(answers.map(\.body) == ["POST /p 5 hello", "GET /next 0 "])
  }

  @Test func chunkedInPieces() async throws {
    let text = "POST /p HTTP/1.1\r\n\(host)Transfer-Encoding: Chunked\r\n\r\n"
    let chunks = "3;x=y\r\nhel\r\n00002\r\nlo\r\n0\r\nX-Trailer: z\r\n\r\nGET /next HTTP/1.1\r\n\(host)\r\n"
    let answers = try await withServer { server in
      let peer = try await Peer(port: server.port)
      defer { peer.close() }
      for byte in (text + chunks).utf8 {
        peer.send([byte])
        await nextTurn()
      }
      return try await peer.answers(2)
    }
    #expect(answers.map(\.body) == ["POST /p 5 hello", "GET /next 0 "])
    #expect(try await exchange(text + chunks, answers: 2).map(\.body) == ["POST /p 5 hello", "GET /next 0 "])
  }

  @Test func pipelined() async throws {
    let requests = (0..<100).map { "GET /\($0) HTTP/1.1\r\n\(host)\r\n" }.joined()
    let answers = try await exchange(requests, answers: 100)
    #expect(answers.map(\.body) == (0..<100).map { "GET /\($0) 0 " })
  }

  @Test func pipelinedWithBodies() async throws {
    let bodies = (0..<50).map { String(repeating: "G", count: $0 % 7) }
    let requests = bodies.enumerated().map {
      "POST /\($0) HTTP/1.1\r\n\(host)Content-Length: \($1.count)\r\n\r\n\($1)"
    }
    let answers = try await exchange(requests.joined(), answers: 50)
    #expect(answers.map(\.body) == bodies.enumerated().map { "POST /\($0) \($1.count) \($1)" })
  }

  /// Answers that are known early wait for those before them; each connection gets its own.
  @Test func pipelinedInOrderThoughAnsweredOutOfOrder() async throws {
    try await withServer { server in
      let peer = try await Peer(port: server.port)
      defer { peer.close() }
      let held = Completion<Void>()
      server.state.onHeld = { held.succeed(()) }
      peer.send(["/held", "/later", "/now", "/later?2"].map { "GET \($0) HTTP/1.1\r\n\(host)\r\n" }.joined())
      try await held.value()
      let other = try await Peer(port: server.port, sending: "GET /other HTTP/1.1\r\n\(host)\r\n")
      defer { other.close() }
      #expect(try await other.answers(1).map(\.body) == ["GET /other 0 "])
      #expect(peer.received.isEmpty)
      server.state.release()
      #expect(
        try await peer.answers(4).map(\.body) == [
          "GET /held 0 ", "GET /later 0 ", "GET /now 0 ", "GET /later?2 0 ",
        ])
    }
  }

  /// A request that changes something is not begun beside another one of its connection.
  @Test func unsafeRequestsWaitForThoseBefore() async throws {
    try await withServer { server in
      let peer = try await Peer(port: server.port)
      defer { peer.close() }
      var begun = 0
      let first = Completion<Void>()
      server.state.onHeld = {
        begun += 1
        first.succeed(())
      }
      let request = "POST /held HTTP/1.1\r\n\(host)Content-Length: 1\r\n\r\n"
      peer.send("\(request)a\(request)bGET /last HTTP/1.1\r\n\(host)\r\n")
      try await first.value()
      let other = try await Peer(port: server.port, sending: "GET / HTTP/1.1\r\n\(host)\r\n")
      defer { other.close() }
      _ = try await other.answers(1)
      #expect(begun == 1)
      server.state.onHeld = {
        begun += 1
        server.state.release()
      }
      server.state.release()
      #expect(try await peer.answers(3).map(\.body) == ["POST /held 1 a", "POST /held 1 b", "GET /last 0 "])
      #expect(begun == 2)
    }
  }

  /// Nor behind one that only reads, as long as that has no answer.
  @Test func unsafeRequestsWaitForSafeOnes() async throws {
    try await withServer { server in
      let peer = try await Peer(port: server.port)
      defer { peer.close() }
      let held = Completion<Void>()
      server.state.onHeld = { held.succeed(()) }
      let body = "Content-Length: 1\r\n\r\na"
      peer.send("GET /held HTTP/1.1\r\n\(host)\r\nPOST /p HTTP/1.1\r\n\(host)\(body)")
      try await held.value()
      await nextTurn()
      #expect(server.server.statistics.requests == 1)
      server.state.release()
      #expect(try await peer.answers(2).map(\.body) == ["GET /held 0 ", "POST /p 1 a"])
    }
  }

  @Test func boundsPipelining() async throws {
    try await withServer({ $0.maxPipelined = 4 }) { server in
      let peer = try await Peer(port: server.port)
      defer { peer.close() }
      var begun = 0
      server.state.onHeld = { begun += 1 }
      peer.send(String(repeating: "GET /held HTTP/1.1\r\n\(host)\r\n", count: 50))
      let other = try await Peer(port: server.port)
      defer { other.close() }
      var most = 0
      for round in 1...100 {
        other.send("GET / HTTP/1.1\r\n\(host)\r\n")
        _ = try await other.answers(round)
        most = max(most, server.state.held.count)
        server.state.release()
        if begun == 50 { break }
      }
      #expect(try await peer.answers(50).count == 50)
      #expect(most <= 4)
    }
  }

  @Test func answers10AndCloses() async throws {
    let text = try await withServer { server in
      try await Peer(port: server.port, sending: "GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        .everything()
    }
    #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n"))
    #expect(text.contains("Connection: close\r\n"))
    #expect(text.hasSuffix("GET /x 0 "))
  }

  @Test(arguments: ["close", "Close, te", "te ,\tclose"])
  func closesWhenAsked(_ option: String) async throws {
    let text = try await withServer { server in
      let request = "GET /x HTTP/1.1\r\n\(host)Connection: \(option)\r\n\r\n"
      return try await Peer(port: server.port, sending: request + request).everything()
    }
    #expect(Answer.all(in: Array(text.utf8)).map(\.status) == [200])
  }

  @Test func closesWhenTheHandlerSaysSo() async throws {
    let text = try await withServer { server in
      let requests = ["/close", "/later", "/x"].map { "GET \($0) HTTP/1.1\r\n\(host)\r\n" }.joined()
      return try await Peer(port: server.port, sending: requests).everything()
    }
    #expect(Answer.all(in: Array(text.utf8)).map(\.body) == ["bye"])
  }

  @Test func headIsGetWithoutItsBody() async throws {
    try await withServer { server in
      let peer = try await Peer(port: server.port)
      defer { peer.close() }
      peer.send("HEAD /abc HTTP/1.1\r\n\(host)\r\n")
      try await peer.wait { $0.text.hasSuffix("\r\n\r\n") }
      #expect(peer.text.contains("Content-Length: 11\r\n"))
      peer.send("GET /abc HTTP/1.1\r\n\(host)Connection: close\r\n\r\n")
      #expect(try await peer.everything().ranges(of: "GET /abc 0 ").count == 1)
    }
  }

  @Test func continuesWhenExpected() async throws {
    try await withServer { server in
      let peer = try await Peer(port: server.port)
      defer { peer.close() }
      peer.send("POST /p HTTP/1.1\r\n\(host)Expect: 100-Continue\r\nContent-Length: 5\r\n\r\n")
      try await peer.wait { $0.text == "HTTP/1.1 100 Continue\r\n\r\n" }
      peer.send("hello")
      #expect(try await peer.answers(1).map(\.body) == ["POST /p 5 hello"])
    }
  }

  @Test func expectationOfTooMuchIsRefusedAtOnce() async throws {
    let answers = try await exchange(
      "POST /p HTTP/1.1\r\n\(host)Expect: 100-continue\r\nContent-Length: 70000\r\n\r\n")
    #expect(answers.map(\.status) == [413])
  }

  @Test func readsAndDropsABodyWhereNoneIsWanted() async throws {
    let body = String(repeating: "x", count: 65_536)
    let answers = try await exchange(
      "GET /a HTTP/1.1\r\n\(host)Content-Length: 65536\r\n\r\n\(body)GET /b HTTP/1.1\r\n\(host)\r\n",
      answers: 2)
    #expect(answers.map(\.status) == [200, 200])
  }

  @Test func handlersStayOnTheLoop() async throws {
    try await withServer { server in
      let peer = try await Peer(port: server.port)
      defer { peer.close() }
      peer.send(
        String(repeating: "GET /later HTTP/1.1\r\n\(host)\r\nGET /now HTTP/1.1\r\n\(host)\r\n", count: 20))
      #expect(try await peer.answers(40).count == 40)
      #expect(server.state.offLoop == 0)
      #expect(server.server.statistics.requests == 40)
    }
  }

  @Test func aHeaderValueCannotBeginALine() async throws {
    let text = try await onLoop {
      let server = HTTPServer(configuration: HTTPServerConfiguration()) { _ in
        .now(HTTPResponse(status: 200, headers: [("X-Thing", "a\r\nX-Injected: b")]))
      }
      let port = try server.start()
      let text = try await Peer(port: port, sending: "GET / HTTP/1.0\r\n\r\n").everything()
      await server.drain(deadline: .now)
      return text
    }
    #expect(text.contains("X-Thing: a  X-Injected: b\r\n"))
  }
}

/// How many requests each turn of the loop has begun, and when each was first seen.
@LoopActor private final class Turns {
  private var current = 0
  private(set) var most = 0
  private(set) var times: [Instant] = []

  func count(_ request: HTTPRequest) {
    if current == 0 { EventLoop.shared.atTurnEnd { self.current = 0 } }
    current += 1
    most = max(most, current)
    if let time = request.receivedAt { times.append(time) }
  }
}
