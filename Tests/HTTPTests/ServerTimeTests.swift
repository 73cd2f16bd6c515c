import EventLoop
import HTTP
import TestSupport
import Testing

/// Slow, dead and half-dead peers: each is bounded in time and memory.
@Suite(.limited) struct ServerTimeTests {
  private static let short = Duration.milliseconds(120)

  @Test func nothingSent() async throws {
    try await withServer({ $0.headTimeout = Self.short }) { server in
      let start = Instant.now
      let peer = try await Peer(port: server.port)
      defer { peer.close() }
      _ = try await peer.everything()
      // Not a 408: who asks at that moment would take it for the answer.
      #expect(peer.received.isEmpty)
      #expect(Instant.now - start >= Self.short)
    }
  }

  /// Each byte comes in time; the whole does not.
  @Test func headByteByByte() async throws {
    try await withServer({ $0.headTimeout = Self.short }) { server in
      let peer = try await Peer(port: server.port)
      defer { peer.close() }
      for byte in "GET / HTTP/1.1\r\nX: \(String(repeating: "x", count: 1000))".utf8 {
        if peer.end != .open || !peer.received.isEmpty { break }
        peer.send([byte])
        await EventLoop.shared.sleep(for: .milliseconds(5))
      }
      _ = try await peer.everything()
      #expect(Answer.all(in: peer.received).map(\.status) == [408])
    }
  }

  @Test(arguments: ["Content-Length: 5\r\n\r\nhel", "Transfer-Encoding: chunked\r\n\r\n5\r\nhel"])
  func bodyNeverSent(_ rest: String) async throws {
    try await withServer({ $0.bodyTimeout = Self.short }) { server in
      let peer = try await Peer(port: server.port, sending: "POST / HTTP/1.1\r\n\(host)\(rest)")
      defer { peer.close() }
      _ = try await peer.everything()
      #expect(Answer.all(in: peer.received).map(\.status) == [408])
      #expect(server.server.statistics.refusals == [408: 1])
    }
  }

  @Test func idleConnectionIsClosed() async throws {
    try await withServer({ $0.idleTimeout = Self.short }) { server in
      let peer = try await Peer(port: server.port, sending: "GET / HTTP/1.1\r\n\(host)\r\n")
      defer { peer.close() }
      _ = try await peer.everything()
      #expect(Answer.all(in: peer.received).map(\.status) == [200])
      #expect(server.server.statistics.idleTimeouts == 1)
    }
  }

  /// A time limit begins anew with each request, also where requests and their beginnings arrive together.
  @Test func aBusyConnectionIsNotCutOff() async throws {
    try await withServer({ $0.headTimeout = .seconds(2) }) { server in
      let peer = try await Peer(port: server.port, sending: "GET /0 HT")
      defer { peer.close() }
      for number in 1...10 {
        await EventLoop.shared.sleep(for: .milliseconds(250))
        peer.send("TP/1.1\r\n\(host)\r\nGET /\(number) HT")
      }
      #expect(try await peer.answers(10).map(\.status) == [Int](repeating: 200, count: 10))
    }
  }

  /// The requests go on coming and no answer is read: what waits is bounded, and the connection is closed.
  @Test func answersNeverRead() async throws {
    try await withServer({
      $0.writeTimeout = .milliseconds(300)
      $0.maxUnsentBytes = 65_536
    }) { server in
      let peer = try await Peer(port: server.port)
      defer { peer.close() }
      peer.stopReading()
      peer.send(String(repeating: "GET /big HTTP/1.1\r\n\(host)\r\n", count: 1000))
      try await until { server.server.statistics.connectionsOpen == 0 }
      #expect(server.server.statistics.writeTimeouts == 1)
      // Of a thousand answers of a megabyte some lie in the sockets and one or two here: the others were
      // never made.
      #expect(server.server.statistics.requests < 30)
    }
  }

  @Test func halfClosedConnectionIsAnswered() async throws {
    try await withServer { server in
      let peer = try await Peer(
        port: server.port, sending: "GET /held HTTP/1.1\r\n\(host)\r\nGET /2 HTTP/1.1\r\n\(host)\r\n")
      defer { peer.close() }
      peer.shutdownWriting()
      let other = try await Peer(port: server.port, sending: "GET / HTTP/1.1\r\n\(host)\r\n")
      defer { other.close() }
      _ = try await other.answers(1)
      server.state.release()
      #expect(
        Answer.all(in: Array(try await peer.everything().utf8)).map(\.body) == ["GET /held 0 ", "GET /2 0 "])
      #expect(peer.end == .closed)
    }
  }

  @Test(arguments: ["", "GET /a HTT", "POST / HTTP/1.1\r\n\(host)Content-Length: 5\r\n\r\nhel"])
  func halfClosedInTheMiddleIsClosed(_ text: String) async throws {
    try await withServer { server in
      let peer = try await Peer(port: server.port, sending: text)
      defer { peer.close() }
      peer.shutdownWriting()
      #expect(try await peer.everything().isEmpty)
    }
  }

  @Test(arguments: [
    "", "GET /a HTT", "GET /held HTTP/1.1\r\n\(host)\r\n", "GET /big HTTP/1.1\r\n\(host)\r\n",
  ])
  func resetConnectionIsForgotten(_ text: String) async throws {
    try await withServer { server in
      let held = Completion<Void>()
      server.state.onHeld = { held.succeed(()) }
      let peer = try await Peer(port: server.port, sending: text)
      if text.contains("held") {
        try await held.value()
      } else {
        let other = try await Peer(port: server.port, sending: "GET / HTTP/1.0\r\n\r\n")
        _ = try await other.everything()
        other.close()
      }
      peer.reset()
      try await until { server.server.statistics.connectionsOpen == 0 }
      server.state.release()
      await nextTurn()
      let after = try await Peer(port: server.port, sending: "GET /after HTTP/1.1\r\n\(host)\r\n")
      defer { after.close() }
      #expect(try await after.answers(1).map(\.body) == ["GET /after 0 "])
      #expect(server.server.statistics.requestsInFlight == 0)
    }
  }

  @Test func aPeerThatNeverClosesIsNotWaitedForForever() async throws {
    try await withServer({ $0.lingerTimeout = Self.short }) { server in
      let peer = try await Peer(port: server.port, sending: "bad\r\n\r\n")
      defer { peer.close() }
      _ = try await peer.everything()
      try await until { server.server.statistics.connectionsOpen == 0 }
    }
  }
}
