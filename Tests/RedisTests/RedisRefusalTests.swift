import EventLoop
import Foundation
import PrivateServers
import Redis
import TestSupport
import Testing

/// Servers that answer, and refuse: each a real one.
@Suite(.serialized, .limited) struct RedisRefusalTests {
  /// A failover: the name means another server, and the one that it meant before stays up as that one's replica.
  @Test func aDemotedServerIsLeftForTheOneThatTheNameMeansNow() async throws {
    try await onLoop {
      let (old, new) = (try await TestServers.ownRedis(), try await TestServers.ownRedis())
      let name = Name(old.port)
      let client = RedisClient(
        configuration: try RedisConfiguration(url: try await shared(old, new)), name: "test",
        resolve: { _, _ in name.addresses })
      client.start()
      try await client.connected(deadline: .now + .seconds(10))
      #expect(try await add("before", client) == [.integer(0), .integer(1)])
      name.port = new.port
      try await asOperator(old) { try await $0(["REPLICAOF", "127.0.0.1", "\(new.port)"]) }
      let refused = await error { try await add("refused", client) }
      guard case .aborted(let reason) = refused, reason.hasPrefix("READONLY") else {
        Issue.record("expected READONLY, got \(String(describing: refused))")
        return
      }
      try await until { !client.isConnected }
      try await client.connected(deadline: .now + .seconds(10))
      #expect(try await add("after", client) == [.integer(0), .integer(1)])
      client.close()
      await old.kill()
      await new.kill()
    }
  }

  /// The name means both servers: the replica is passed over at the login, each time.
  @Test func aReplicaIsPassedOver() async throws {
    try await onLoop {
      let (replica, primary) = (try await TestServers.ownRedis(), try await TestServers.ownRedis())
      let url = try await shared(replica, primary)
      try await asOperator(replica) { try await $0(["REPLICAOF", "127.0.0.1", "\(primary.port)"]) }
      let client = RedisClient(
        configuration: try RedisConfiguration(url: url), name: "test",
        resolve: { _, _ in
          [replica.port, primary.port].map { SocketAddress(numericHost: "127.0.0.1", port: $0) }
        })
      client.start()
      try await client.connected(deadline: .now + .seconds(10))
      #expect(try await add("x", client) == [.integer(0), .integer(1)])
      client.close()
      await replica.kill()
      await primary.kill()
    }
  }

  @Test func aNameServiceThatNeverAnswersIsAskedAgain() async throws {
    try await onLoop {
      let server = try await TestServers.ownRedis()
      let name = Name(server.port)
      name.silences = 1
      let client = RedisClient(
        configuration: try RedisConfiguration(url: server.url), name: "test",
        resolve: { _, _ in try await name.answer() })
      client.start()
      try await client.connected(deadline: .now + .seconds(30))
      #expect(name.silences == 0)
      client.close()
      await server.kill()
    }
  }

  /// A name for `CLIENT LIST` and a PING are no reason to stay away.
  @Test(arguments: ["-client", "-ping", "-hello", "-role", "-client -ping -role -info"])
  func aRoleWithoutTheRightToIntroduceItselfConnects(rights: String) async throws {
    try await onLoop {
      let server = try await TestServers.ownRedis()
      let client = RedisClient(
        configuration: try RedisConfiguration(url: try await role(rights, server)), name: "test")
      client.start()
      try await client.connected(deadline: .now + .seconds(10))
      #expect(try await add("x", client) == [.integer(0), .integer(1)])
      client.close()
      await server.kill()
    }
  }

  @Test func aNodeOfAClusterIsRefused() async throws {
    try await onLoop {
      let server = try await TestServers.ownRedis(extra: ["cluster-enabled yes"])
      let client = RedisClient(configuration: try RedisConfiguration(url: server.url), name: "test")
      client.start()
      try await until { "\(String(describing: client.trouble))".contains("cluster") }
      #expect(!client.isConnected)
      client.close()
      await server.kill()
    }
  }

  /// The save to the disk fails, and with it every write from then on.
  @Test func aServerThatCannotSaveIsLeft() async throws {
    try await onLoop {
      let server = try await TestServers.ownRedis(durability: .none)
      let client = RedisClient(configuration: try RedisConfiguration(url: server.url), name: "test")
      client.start()
      try await client.connected(deadline: .now + .seconds(10))
      _ = try await add("x", client)
      try await asOperator(server) { operate in
        guard case .array(let pair) = try await operate(["CONFIG", "GET", "dir"]),
          let folder = pair.last?.text
        else { return }
        _ = try await operate(["CONFIG", "SET", "save", "1 1"])
        try FileManager.default.removeItem(atPath: folder)
        _ = try? await operate(["BGSAVE"])
        while try await operate(["INFO", "persistence"]).text?.contains("rdb_last_bgsave_status:err") != true
        {
          await EventLoop.shared.sleep(for: .milliseconds(10))
        }
      }
      let refused = await error { try await add("y", client) }
      #expect("\(String(describing: refused))".contains("MISCONF"))
      try await until { !client.isConnected }
      client.close()
      await server.kill()
    }
  }

  /// Under `maxmemory` a slot can be given back, but not in a transaction: there Redis refuses every command.
  @Test func withoutMemoryAMemberCanStillBeRemoved() async throws {
    try await onLoop {
      let server = try await TestServers.ownRedis()
      let client = RedisClient(configuration: try RedisConfiguration(url: server.url), name: "test")
      client.start()
      try await client.connected(deadline: .now + .seconds(10))
      _ = try await add("x", client)
      try await asOperator(server) { _ = try await $0(["CONFIG", "SET", "maxmemory", "1"]) }
      let soon = Instant.now + .seconds(5)
      let refused = await error { try await client.transaction([["SREM", "s", "x"]], deadline: soon) }
      #expect("\(String(describing: refused))".contains("OOM"))
      #expect(try await client.command(["SCARD", "s"], deadline: soon) == .integer(1))
      #expect(try await client.command(["EXPIREAT", "s", "9999999999"], deadline: soon) == .integer(1))
      #expect(try await client.command(["SREM", "s", "x"], deadline: soon) == .integer(1))
      #expect(client.isConnected, "another connection has no more memory")
      client.close()
      await server.kill()
    }
  }
}

/// What a name means, for a resolver.
@LoopActor private final class Name {
  var port: Int
  /// Questions that are never answered.
  var silences = 0
  private var unanswered: [Completion<[SocketAddress]>] = []

  init(_ port: Int) { self.port = port }

  var addresses: [SocketAddress] { [SocketAddress(numericHost: "127.0.0.1", port: port)] }

  func answer() async throws -> [SocketAddress] {
    guard silences > 0 else { return addresses }
    silences -= 1
    let never = Completion<[SocketAddress]>()
    unanswered.append(never)
    return try await never.value()
  }
}

@LoopActor private func add(_ member: String, _ client: RedisClient) async throws -> [RedisReply] {
  try await client.transaction([["SCARD", "s"], ["SADD", "s", member]], deadline: .now + .seconds(5))
}

@LoopActor private func error(_ body: @LoopActor () async throws -> some Any) async -> RedisError? {
  do {
    _ = try await body()
    return nil
  } catch { return error as? RedisError }
}

/// The URL of a role that both servers know.
@LoopActor private func shared(_ one: PrivateRedis, _ other: PrivateRedis) async throws -> String {
  _ = try await role("", other)
  return try await role("", one)
}

/// Lets `body` speak with a server by a connection of its own.
@LoopActor private func asOperator(
  _ server: PrivateRedis,
  _ body: @LoopActor (@LoopActor ([String]) async throws -> RedisReply) async throws -> some Any
) async throws {
  let client = RedisClient(configuration: try RedisConfiguration(url: server.url), name: "operator")
  client.start()
  defer { client.close() }
  try await client.connected(deadline: .now + .seconds(10))
  _ = try await body { try await client.command($0, deadline: .now + .seconds(10)) }
}

/// The URL of a new role that may do everything but this.
@LoopActor private func role(_ rights: String, _ server: PrivateRedis) async throws -> String {
  try await asOperator(server) {
    try await $0(
      ["ACL", "SETUSER", "limited", "on", ">secret", "~*", "&*", "+@all"]
        + rights.split(separator: " ").map(String.init))
  }
  return "redis://limited:secret@127.0.0.1:\(server.port)"
}
