import EventLoop
import HTTP
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Many connections, too many connections, and the end of all of them.
@Suite(.serialized, .limited) struct ServerConnectionLimitTests {
  private static let request = "GET /x HTTP/1.1\r\n\(host)\r\n"

  @Test func aboveTheLimitIsRefusedAndRecovers() async throws {
    try await withServer({ $0.maxConnections = 3 }) { server in
      var peers: [Peer] = []
      for _ in 0..<3 {
        let peer = try await Peer(port: server.port, sending: Self.request)
        #expect(try await peer.status() == 200)
        peers.append(peer)
      }
      let fourth = try await Peer(port: server.port, sending: Self.request)
      _ = try await fourth.everything()
      #expect(Answer.all(in: fourth.received).map(\.status) == [503])
      #expect(fourth.text.contains("Retry-After: 1\r\n"))
      fourth.close()
      peers.removeFirst().close()
      try await until { server.server.statistics.connectionsOpen <= 2 }
      let fifth = try await Peer(port: server.port, sending: Self.request)
      #expect(try await fifth.status() == 200)
      for peer in peers + [fifth] { peer.close() }
    }
  }

  /// With a flood of connections above the limit accepting pauses, and all of them get an answer in the end.
  @Test func aFloodIsAnsweredPieceByPiece() async throws {
    try await withServer({ $0.maxConnections = 1 }) { server in
      var peers: [Peer] = []
      for _ in 0..<300 { peers.append(try await Peer(port: server.port, sending: Self.request)) }
      for peer in peers.dropFirst() {
        _ = try await peer.everything()
        #expect(Answer.all(in: peer.received).map(\.status) == [503])
        peer.close()
      }
      #expect(try await peers[0].status() == 200)
      peers[0].close()
    }
  }

  /// Ten thousand where the system lets one process have both ends; each still answers, and rests without a
  /// buffer.
  @Test func manyIdleConnections() async throws {
    let limit = Platform.raiseDescriptorLimit()
    let count = min(10_000, (limit - 1_000) / 2)
    try await withServer { server in
      let client = HTTPClient(
        HTTPClientConfiguration(
          address: SocketAddress(numericHost: "127.0.0.1", port: server.port), maxConnections: count))
      #expect(await client.open(count, deadline: .now + .seconds(60)) == count)
      try await until { server.server.statistics.connectionsOpen >= count }
      for round in 0..<3 {
        let response = try await client.send(HTTPRequest(.get, "/\(round)"), deadline: .now + .seconds(30))
        #expect(response.status == 200)
      }
      client.close()
      try await until { server.server.statistics.connectionsOpen == 0 }
    }
  }

  @Test func drainAnswersWhatIsInFlight() async throws {
    try await withServer { server in
      let held = Completion<Void>()
      server.state.onHeld = { held.succeed(()) }
      let busy = try await Peer(port: server.port, sending: "GET /held HTTP/1.1\r\n\(host)\r\n")
      let idle = try await Peer(port: server.port, sending: Self.request)
      #expect(try await idle.status() == 200)
      let partial = try await Peer(port: server.port, sending: "GET /par")
      try await held.value()
      let done = Completion<Void>()
      EventLoop.shared.spawn {
        await server.server.drain(deadline: .now + .seconds(30))
        done.succeed(())
      }
      try await idle.wait { $0.end != .open }
      #expect(idle.end == .closed)
      await #expect(throws: SocketError.self) { _ = try await Peer(port: server.port) }
      partial.send("tial HTTP/1.1\r\n\(host)\r\n")
      _ = try await partial.everything()
      #expect(Answer.all(in: partial.received).map(\.body) == ["GET /partial 0 "])
      #expect(partial.text.contains("Connection: close\r\n"))
      #expect(!done.isDone)
      server.state.release()
      _ = try await busy.everything()
      #expect(Answer.all(in: busy.received).map(\.body) == ["GET /held 0 "])
      #expect(busy.text.contains("Connection: close\r\n"))
      for peer in [busy, idle, partial] { peer.close() }
      try await done.value(deadline: .now + .seconds(30))
    }
  }

  @Test func drainCutsAtItsDeadline() async throws {
    try await withServer { server in
      let held = Completion<Void>()
      server.state.onHeld = { held.succeed(()) }
      let busy = try await Peer(port: server.port, sending: "GET /held HTTP/1.1\r\n\(host)\r\n")
      defer { busy.close() }
      try await held.value()
      await server.server.drain(deadline: .now + .milliseconds(50))
      #expect(server.server.statistics.connectionsOpen == 0)
      #expect(try await busy.everything().isEmpty)
      server.state.release()
    }
  }

  @Test func aTakenPortIsAnError() async throws {
    try await withServer { server in
      let second = HTTPServer(configuration: HTTPServerConfiguration(port: server.port)) { _ in
        .now(.text(""))
      }
      do throws(SocketError) {
        _ = try second.start()
        Issue.record("listens on a taken port")
      } catch { #expect(error.isAddressInUse) }
    }
  }
}
