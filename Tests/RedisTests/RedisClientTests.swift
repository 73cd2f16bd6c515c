import TestSupport
import EventLoop
import PrivateServers
import Redis
import Testing

/// A server of its own for each test: they stop it, kill it and fill it up.
@Suite(.serialized, .limited) struct RedisClientTests {
  @Test func commandsAndTransactionsAnswerInOrder() async throws {
    try await withRedis { _, client in
      let soon = Instant.now + .seconds(5)
      #expect(try await client.command(["SET", "a", "ü\r\n"], deadline: soon) == .status("OK"))
      #expect(try await client.command(["GET", "a"], deadline: soon).text == "ü\r\n")
      #expect(try await client.command(["GET", "none"], deadline: soon) == .null)
      let replies = try await client.transaction(
        [["SCARD", "s"], ["SADD", "s", "x"], ["SCARD", "s"]], deadline: soon)
      #expect(replies == [.integer(0), .integer(1), .integer(1)])
    }
  }

  @Test func manyTransactionsOfOneTurnAdmitExactlyTheQuota() async throws {
    try await withRedis { _, client in
      let all = Completion<Int>()
      let tally = Tally()
      for number in 0..<20_000 {
        client.transaction(
          deadline: .now + .seconds(20),
          write: {
            $0.command(["SCARD", "set"])
            $0.command("SADD", "set", "user-\(number % 15_000)")
          },
          completion: { result in
            if case .success(let replies) = result, replies[1].integer == 1, (replies[0].integer ?? 0) < 1000
            {
              tally.admitted += 1
            }
            tally.answered += 1
            if tally.answered == 20_000 { all.succeed(tally.admitted) }
          })
      }
      let admitted = try await all.value()
      #expect(admitted == 1000)
    }
  }

  @Test func aRefusedTransactionIsToldFromAnUnknownOne() async throws {
    try await withRedis { _, client in
      let soon = Instant.now + .seconds(5)
      _ = try await client.command(["SET", "text", "1"], deadline: soon)
      // An EXEC whose array holds an error: the other command was applied.
      await #expect(
        throws: RedisError.outcomeUnknown("WRONGTYPE Operation against a key holding the wrong kind of value")
      ) {
        try await client.transaction([["SADD", "other", "x"], ["SADD", "text", "x"]], deadline: soon)
      }
      #expect(try await client.command(["SCARD", "other"], deadline: soon) == .integer(1))
      // Refused while it was queued: nothing was applied.
      _ = try await client.command(["CONFIG", "SET", "maxmemory", "1"], deadline: soon)
      let refusal = await error { try await client.transaction([["SADD", "third", "x"]], deadline: soon) }
      guard case .aborted = refusal else {
        Issue.record("expected aborted, got \(String(describing: refusal))")
        return
      }
      _ = try await client.command(["CONFIG", "SET", "maxmemory", "0"], deadline: soon)
      #expect(try await client.command(["SCARD", "third"], deadline: soon) == .integer(0))
      guard case .server = await error({ try await client.command(["NOSUCH"], deadline: soon) }) else {
        Issue.record("an unknown command is the server's error")
        return
      }
    }
  }

  @Test func aStoppedServerIsUnknownInTimeAndTheCommandMayStillApply() async throws {
    try await withRedis { server, client in
      server.pause()
      let start = Instant.now
      let outcome = await error {
        try await client.transaction([["SADD", "ghost", "x"]], deadline: start + .milliseconds(150))
      }
      let waited = Instant.now - start
      #expect(waited >= .milliseconds(150))
      #expect(waited < .seconds(10))
      guard case .outcomeUnknown = outcome else {
        Issue.record("expected unknown, got \(String(describing: outcome))")
        return
      }
      #expect(!client.isConnected)
      server.resume()
      try await client.connected(deadline: .now + .seconds(10))
      // What was sent before the time-out is applied after it: the ghost that the gate must expect.
      #expect(try await client.command(["SCARD", "ghost"], deadline: .now + .seconds(5)) == .integer(1))
    }
  }

  @Test func aKilledServerFailsWhatIsInFlightAndTheClientComesBack() async throws {
    try await withRedis { server, client in
      server.pause()
      let outcome = Completion<RedisError?>()
      EventLoop.shared.spawn {
        outcome.succeed(
          await error { try await client.command(["INCR", "n"], deadline: .now + .seconds(30)) })
      }
      await Task.yield()
      await server.kill()
      guard case .outcomeUnknown = try await outcome.value(deadline: .now + .seconds(10)) else {
        Issue.record("in flight when the server died is unknown")
        return
      }
      let absent = await error { try await client.command(["PING"], deadline: .now + .seconds(5)) }
      guard case .unavailable = absent else {
        Issue.record("expected unavailable, got \(String(describing: absent))")
        return
      }
      try await server.restart()
      try await client.connected(deadline: .now + .seconds(10))
      #expect(try await client.command(["PING"], deadline: .now + .seconds(5)) == .status("PONG"))
    }
  }

  @Test func oneSlowCallDoesNotTakeTheConnectionAway() async throws {
    try await withRedis { _, client in
      let connects = client.statistics.connects
      let blocked = Completion<RedisError?>()
      EventLoop.shared.spawn {
        blocked.succeed(
          await error {
            try await client.command(["BLPOP", "empty", "0.6"], deadline: .now + .milliseconds(200))
          })
      }
      guard case .outcomeUnknown = try await blocked.value() else {
        Issue.record("a late answer is unknown")
        return
      }
      try await client.connected(deadline: .now + .seconds(5))
      #expect(try await client.command(["PING"], deadline: .now + .seconds(5)) == .status("PONG"))
      #expect(client.statistics.connects <= connects + 1)
    }
  }

  @Test func tooMuchInFlightIsRefusedUnsent() async throws {
    try await withRedis(maxPending: 10) { server, client in
      server.pause()
      defer { server.resume() }
      let counts = Tally()
      for _ in 0..<15 {
        client.transaction(deadline: .now + .seconds(5), write: { $0.command("SADD", "s", "x") }) { result in
          if case .failure(.unavailable) = result { counts.answered += 1 }
        }
      }
      #expect(counts.answered == 5)
      #expect(client.statistics.inFlight == 10)
    }
  }

  /// As `localhost` is, where the server listens at 127.0.0.1 alone.
  @Test func anAddressWhereNobodyListensLeavesTheNextItsTurn() async throws {
    try await withRedis { server, _ in
      let fault = SwitchedSeam()
      let client = RedisClient(
        configuration: try RedisConfiguration(url: server.url), name: "two", seam: fault,
        resolve: { _, port in
          ["::1", "127.0.0.1"].map { SocketAddress(numericHost: $0, port: port) }
        })
      defer { client.close() }
      client.start()
      try await client.connected(deadline: .now + .seconds(10))
      #expect(try await client.command(["PING"], deadline: .now + .seconds(5)) == .status("PONG"))
      // The address that was right is tried first when the connection is lost.
      fault.sever()
      try await client.connected(deadline: .now + .seconds(10))
      #expect(try await client.command(["PING"], deadline: .now + .seconds(5)) == .status("PONG"))
    }
  }

  @Test func aWrongPasswordAndAnAbsentServerAreSaid() async throws {
    try await withRedis { server, _ in
      let wrong = RedisClient(
        configuration: try RedisConfiguration(url: server.url.replacing("redis://:", with: "redis://:wrong")),
        name: "wrong")
      wrong.start()
      let refused = await error { try await wrong.connected(deadline: .now + .seconds(1)) }
      #expect("\(String(describing: refused))".contains("the server refused AUTH: WRONGPASS"))
      #expect(wrong.trouble?.kind == .loginRefused)
      wrong.close()
      let port = try Sockets.freePort()
      let absent = RedisClient(
        configuration: try RedisConfiguration(url: "redis://127.0.0.1:\(port)"), name: "absent")
      absent.start()
      let missing = await error { try await absent.connected(deadline: .now + .seconds(1)) }
      #expect("\(String(describing: missing))".contains("refused"))
      #expect(absent.trouble?.kind == .unreachable)
      absent.close()
    }
  }
}

extension RedisClientTests {
  @Test func anOutageRefusesAtOnceAndCutsTheConnection() async throws {
    let fault = SwitchedSeam()
    try await withRedis(seam: fault) { server, client in
      server.pause()
      let asked = Completion<RedisError?>()
      EventLoop.shared.spawn {
        asked.succeed(await error { try await client.command(["GET", "a"], deadline: .now + .seconds(20)) })
      }
      try await until { client.statistics.inFlight != 0 }
      fault.action = .now(.refused("refused by a test"))
      fault.sever()
      #expect(try await asked.value(deadline: .now + .seconds(5)) == .outcomeUnknown("cut by a fault switch"))
      server.resume()
      let refused = await error { try await client.command(["PING"], deadline: .now + .seconds(20)) }
      guard case .unavailable = refused else {
        Issue.record("expected unavailable, got \(String(describing: refused))")
        return
      }
      fault.action = .now(.proceed)
      try await client.connected(deadline: .now + .seconds(20))
      #expect(try await client.command(["PING"], deadline: .now + .seconds(20)) == .status("PONG"))
    }
  }

  @Test func whatHangsIsUnknownAtItsDeadlineAndTheConnectionIsThrownAway() async throws {
    let fault = SwitchedSeam()
    try await withRedis(seam: fault) { _, client in
      fault.action = .hang
      let unknown = await error {
        try await client.transaction([["SADD", "s", "x"]], deadline: .now + .milliseconds(200))
      }
      #expect(unknown == .outcomeUnknown("no answer before the deadline"))
      #expect(!client.isConnected)
      fault.action = .now(.proceed)
      try await client.connected(deadline: .now + .seconds(20))
      #expect(try await client.command(["SCARD", "s"], deadline: .now + .seconds(20)) == .integer(0))
    }
  }

  @Test func latencyKeepsTheOrderAndALostAnswerWasGiven() async throws {
    let fault = SwitchedSeam()
    try await withRedis(seam: fault) { _, client in
      fault.action = .delay(.milliseconds(30))
      let began = Instant.now
      let lists = try await client.transaction(
        [["RPUSH", "l", "1"], ["RPUSH", "l", "2"]], deadline: .now + .seconds(20))
      #expect(lists == [.integer(1), .integer(2)])
      #expect(Instant.now - began >= .milliseconds(30))
      fault.action = .delay(.seconds(10))
      let late = await error {
        try await client.command(["RPUSH", "l", "3"], deadline: .now + .milliseconds(200))
      }
      #expect(late == .outcomeUnknown("no answer before the deadline"))
      fault.action = .now(.proceedUnanswered)
      let lost = await error { try await client.command(["RPUSH", "l", "4"], deadline: .now + .seconds(20)) }
      #expect(lost == .outcomeUnknown("the answer was lost by a fault switch"))
      fault.action = .now(.proceed)
      #expect(try await client.command(["LLEN", "l"], deadline: .now + .seconds(20)) == .integer(3))
    }
  }
}

@LoopActor private final class Tally {
  var answered = 0
  var admitted = 0
}

@LoopActor private func error(_ body: @LoopActor () async throws -> some Any) async -> RedisError? {
  do {
    _ = try await body()
    return nil
  } catch { return error as? RedisError }
}

private func withRedis(
  maxPending: Int = 65_536, seam: (any CallSeam)? = nil,
  _ body: @escaping @Sendable @LoopActor (PrivateRedis, RedisClient) async throws -> Void
) async throws {
  try await onLoop {
    let server = try await TestServers.ownRedis()
    let client = RedisClient(
      configuration: try RedisConfiguration(url: server.url), name: "test", maxPending: maxPending,
      seam: seam)
    client.start()
    do {
      try await client.connected(deadline: .now + .seconds(10))
      try await body(server, client)
    } catch {
      client.close()
      await server.kill()
      throw error
    }
    client.close()
    await server.kill()
  }
}
