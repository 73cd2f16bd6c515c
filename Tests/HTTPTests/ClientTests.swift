import EventLoop
import HTTP
import TestSupport
import Testing

@Suite(.limited) struct ClientTests {
  @LoopActor
  private static func client(_ port: Int, connections: Int = 2, waiting: Int = 1000) -> HTTPClient {
    HTTPClient(
      HTTPClientConfiguration(
        address: SocketAddress(numericHost: "127.0.0.1", port: port), maxConnections: connections,
        maxWaiting: waiting))
  }

  @LoopActor
  private static func outcome(
    _ client: HTTPClient, _ request: HTTPRequest = HTTPRequest(.get, "/"),
    within wait: Duration = .seconds(30)
  ) async -> HTTPClient.Outcome {
    do throws(HTTPClientError) {
      return .success(try await client.send(request, deadline: .now + wait))
    } catch { return .failure(error) }
  }

  private enum Kind { case answered, neverSent, sentNoAnswer, badAnswer }
  private static func kind(_ outcome: HTTPClient.Outcome) -> Kind {
    switch outcome {
    case .success: .answered
    case .failure(.neverSent): .neverSent
    case .failure(.sentNoAnswer): .sentNoAnswer
    case .failure(.badAnswer): .badAnswer
    }
  }

  @Test func sendsAndReceives() async throws {
    try await withServer { server in
      let client = Self.client(server.port)
      let post = try await client.send(
        HTTPRequest(.post, "/p?q", headers: [("X-A", "1")], body: Array("hello".utf8)),
        deadline: .now + .seconds(30))
      #expect(post.status == 200)
      #expect(String(decoding: post.body, as: UTF8.self) == "POST /p?q 5 hello")
      #expect(post.headers.first("content-type") == "text/plain; charset=utf-8")
      let head = try await client.send(HTTPRequest(.head, "/h"), deadline: .now + .seconds(30))
      #expect(head.body.isEmpty && head.headers.first("content-length") == "9")
      let big = try await client.send(HTTPRequest(.get, "/big"), deadline: .now + .seconds(30))
      #expect(big.body.count == 1 << 20)
      #expect(server.server.statistics.connectionsAccepted == 1)
      client.close()
    }
  }

  /// Many requests over few connections: each gets its own answer.
  @Test func waitsForAConnection() async throws {
    try await withServer { server in
      let client = Self.client(server.port, connections: 3)
      let all = Completion<Void>()
      var bodies: [String] = []
      for number in 0..<500 {
        let path = number % 2 == 0 ? "/now" : "/later"
        let bytes = HTTPRequest(.post, "\(path)?\(number)", body: Array("\(number)".utf8)).wireBytes(
          host: "x")
        client.send(bytes, deadline: .now + .seconds(30)) { outcome in
          guard case .success(let response) = outcome else { return }
          let text = String(decoding: response.body, as: UTF8.self)
          if text.hasSuffix(" \(number)"), text.contains("?\(number) ") { bodies.append(text) }
          if bodies.count == 500 { all.succeed(()) }
        }
      }
      try await all.value(deadline: .now + .seconds(30))
      #expect(server.server.statistics.connectionsAccepted == 3)
      client.close()
    }
  }

  @Test func refusedIsNeverSent() async throws {
    let outcomes = try await onLoop {
      let client = Self.client(try Sockets.freePort())
      var outcomes: [HTTPClient.Outcome] = []
      for _ in 0..<3 { outcomes.append(await Self.outcome(client)) }
      #expect(await client.open(5, deadline: .now + .seconds(30)) == 0)
      client.close()
      return outcomes
    }
    #expect(outcomes.map(Self.kind) == [.neverSent, .neverSent, .neverSent])
  }

  @Test func tooManyWaitingIsNeverSent() async throws {
    try await withServer { server in
      let client = Self.client(server.port, connections: 1, waiting: 2)
      var kinds: [Kind] = []
      let done = Completion<Void>()
      for _ in 0..<5 {
        client.send(HTTPRequest(.get, "/").wireBytes(host: "x"), deadline: .now + .seconds(30)) {
          kinds.append(Self.kind($0))
          if kinds.count == 5 { done.succeed(()) }
        }
        #expect(kinds.isEmpty)
      }
      try await done.value(deadline: .now + .seconds(30))
      #expect(kinds.filter { $0 == .answered }.count == 2)
      #expect(kinds.filter { $0 == .neverSent }.count == 3)
      client.close()
    }
  }

  @Test func deadlineClosesTheConnectionAndTheNextIsFine() async throws {
    try await withServer { server in
      let client = Self.client(server.port, connections: 1)
      #expect(await client.open(1, deadline: .now + .seconds(30)) == 1)
      let start = Instant.now
      let held = await Self.outcome(client, HTTPRequest(.post, "/held"), within: .milliseconds(100))
      #expect(Self.kind(held) == .sentNoAnswer)
      #expect(Instant.now - start >= .milliseconds(100))
      server.state.release()
      let next = await Self.outcome(client, HTTPRequest(.get, "/next"))
      let body = try next.get().body
      #expect(String(decoding: body, as: UTF8.self) == "GET /next 0 ")
      #expect(server.server.statistics.connectionsAccepted == 2)
      client.close()
    }
  }

  @Test func waitingUntilTheDeadlineIsNeverSent() async throws {
    try await withServer { server in
      let client = Self.client(server.port, connections: 1)
      let held = Completion<Void>()
      client.send(HTTPRequest(.get, "/held").wireBytes(host: "x"), deadline: .now + .seconds(30)) { _ in
        held.succeed(())
      }
      let arrived = Completion<Void>()
      server.state.onHeld = { arrived.succeed(()) }
      try await arrived.value(deadline: .now + .seconds(30))
      let late = await Self.outcome(client, within: .milliseconds(60))
      #expect(Self.kind(late) == .neverSent)
      server.state.release()
      try await held.value()
      #expect(Self.kind(await Self.outcome(client)) == .answered)
      client.close()
    }
  }

  /// The server closes resting connections: the next request takes a new one, and none is sent twice.
  @Test func idleConnectionsThatTheServerClosed() async throws {
    try await withServer({ $0.idleTimeout = .milliseconds(50) }) { server in
      let client = Self.client(server.port, connections: 4)
      #expect(await client.open(4, deadline: .now + .seconds(30)) == 4)
      #expect(Self.kind(await Self.outcome(client)) == .answered)
      try await until { client.connectionCount <= 3 }
      for _ in 0..<3 { #expect(Self.kind(await Self.outcome(client)) == .answered) }
      try await until { client.connectionCount == 0 }
      #expect(Self.kind(await Self.outcome(client)) == .answered)
      #expect(server.server.statistics.requests == 5)
      client.close()
    }
  }

  @Test func closeFailsWhatIsInFlight() async throws {
    try await withServer { server in
      let client = Self.client(server.port, connections: 1)
      var kinds: [Kind] = []
      let done = Completion<Void>()
      server.state.onHeld = { client.close() }
      for _ in 0..<2 {
        client.send(HTTPRequest(.post, "/held").wireBytes(host: "x"), deadline: .now + .seconds(30)) {
          kinds.append(Self.kind($0))
          if kinds.count == 2 { done.succeed(()) }
        }
      }
      try await done.value()
      #expect(kinds.contains(.sentNoAnswer) && kinds.contains(.neverSent))
      #expect(Self.kind(await Self.outcome(client)) == .neverSent)
      server.state.release()
    }
  }
}
