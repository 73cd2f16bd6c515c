import EventLoop
import Nemeses
import PrivateServers
import Redis
import TestSupport
import Testing

/// A relay before a real Redis.
@Suite(.limited) struct RelayTests {
  @LoopActor
  private func client(_ port: Int, _ url: String) async throws -> RedisClient {
    let original = try RedisConfiguration(url: url)
    let client = RedisClient(
      configuration: try RedisConfiguration(url: url.replacing(":\(original.port)/", with: ":\(port)/")),
      name: "test")
    client.start()
    try await client.connected(deadline: .now + .seconds(10))
    return client
  }

  @Test func whatIsSentPassesInBothDirections() async throws {
    try await onLoop {
      let redis = try await TestServers.ownRedis()
      let relay = try Relay(to: SocketAddress(numericHost: "127.0.0.1", port: redis.port))
      let client = try await self.client(relay.port, redis.url)
      let large = String(repeating: "x", count: 3_000_000)
      _ = try await client.command(["SET", "k", large], deadline: .now + .seconds(20))
      #expect(try await client.command(["GET", "k"], deadline: .now + .seconds(20)).text == large)
      client.close()
      relay.close()
      await redis.stop()
    }
  }

  @Test func whenSeveredNothingPassesAndWhenMendedItArrives() async throws {
    try await onLoop {
      let redis = try await TestServers.ownRedis()
      let relay = try Relay(to: SocketAddress(numericHost: "127.0.0.1", port: redis.port))
      let client = try await self.client(relay.port, redis.url)
      relay.sever()
      await #expect(throws: (any Error).self) {
        try await client.command(["SET", "late", "1"], deadline: .now + .milliseconds(300))
      }
      let direct = try await self.client(redis.port, redis.url)
      #expect(try await direct.command(["GET", "late"], deadline: .now + .seconds(10)).text == nil)
      relay.mend()
      try await until {
        try await direct.command(["GET", "late"], deadline: .now + .seconds(10)).text == "1"
      }
      client.close()
      direct.close()
      relay.close()
      await redis.stop()
    }
  }

  @Test func aMovedNameLeavesConnectionsWhereTheyAre() async throws {
    try await onLoop {
      let first = try await TestServers.ownRedis()
      let second = try await TestServers.ownRedis()
      let relay = try Relay(to: SocketAddress(numericHost: "127.0.0.1", port: first.port))
      let old = try await self.client(relay.port, first.url)
      _ = try await old.command(["SET", "who", "first"], deadline: .now + .seconds(10))
      relay.move(to: SocketAddress(numericHost: "127.0.0.1", port: second.port))
      let new = try await self.client(relay.port, second.url)
      _ = try await new.command(["SET", "who", "second"], deadline: .now + .seconds(10))
      #expect(try await old.command(["GET", "who"], deadline: .now + .seconds(10)).text == "first")
      old.close()
      new.close()
      relay.close()
      await first.stop()
      await second.stop()
    }
  }
}
