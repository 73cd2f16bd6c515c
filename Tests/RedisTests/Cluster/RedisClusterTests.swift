import EventLoop
import PrivateServers
import Redis
import TestSupport
import Testing

/// Real nodes: what the client does while the slots move and the masters die.
@Suite(.serialized, .limited) struct RedisClusterTests {
  private static let trial = [
    ["SCARD", "{0}:trial"], ["SADD", "{0}:trial", "x"], ["SREM", "{0}:trial", "x"],
  ]

  @Test func aClusterIsKnownAtTheLoginAndEverySlotIsReached() async throws {
    try await withCluster { cluster in
      // One node is named, and says the rest.
      let client = try access(cluster.url(of: cluster.nodes[2]))
      try await client.connected(deadline: .now + .seconds(20))
      #expect(client.servers.count == 3)
      for number in 0..<200 {
        let key = "key-\(number)"
        let slot = try await client.command(["CLUSTER", "KEYSLOT", key], deadline: soon)
        #expect(slot == .integer(Int64(KeySlot.of(key))))
        #expect(try await client.command(["SADD", key, "a", "b"], deadline: soon) == .integer(2))
        let replies = try await client.transaction([["SCARD", key], ["SADD", key, "c"]], deadline: soon)
        #expect(replies == [.integer(2), .integer(1)])
      }
      #expect(client.statistics.redirects == 0, "the map is right from the start")
      client.close()
    }
  }

  /// While the keys of a slot move one by one, each is found, no set is divided, and nothing is done twice.
  @Test func aSlotMovesUnderLoad() async throws {
    try await withCluster { cluster in
      let client = try access(cluster.url)
      try await client.connected(deadline: .now + .seconds(20))
      let keys = (0..<5).map { "{tag}:\($0)" }
      let slot = KeySlot.of("tag")
      let source = try await cluster.master(of: slot)
      let target = try #require(cluster.nodes.first { $0 !== source })
      let tally = Tally()
      // Two of the keys are there, the others come to be while the slot is in two places.
      for key in keys.prefix(2) { _ = try await client.command(["SADD", key, "first"], deadline: soon) }
      for round in 0..<2 {
        let to = round == 0 ? target : source
        try await cluster.move(slot: slot, to: to) {
          for key in keys {
            let members = try await client.transaction(
              [["SCARD", key], ["SADD", key, "m\(tally.asked)"], ["SCARD", key]], deadline: soon)
            tally.asked += 1
            #expect(members[1] == .integer(1))
            #expect((members[0].integer ?? 0) + 1 == members[2].integer, "one set, whole")
            tally.members[key] = Int(members[2].integer ?? 0)
          }
        }
        for key in keys {
          let count = try await client.command(["SCARD", key], deadline: soon)
          #expect(count == .integer(Int64(tally.members[key] ?? 0)))
        }
        #expect(try await cluster.master(of: slot) === to)
      }
      #expect(client.statistics.redirects > 5)
      client.close()
    }
  }

  /// The master of a slot gives it to a node that had none before.
  @Test func aNewNodeIsFound() async throws {
    try await withCluster(spare: 1) { cluster in
      let client = try access(cluster.url(of: cluster.nodes[0]))
      try await client.connected(deadline: .now + .seconds(20))
      let spare = cluster.nodes[3]
      try await cluster.add(spare)
      _ = try await client.command(["SADD", "{tag}", "a"], deadline: soon)
      try await cluster.move(slot: KeySlot.of("tag"), to: spare)
      let replies = try await client.transaction(
        [["SCARD", "{tag}"], ["SADD", "{tag}", "b"]], deadline: soon)
      #expect(replies == [.integer(1), .integer(1)])
      try await until { client.servers.count == 4 && client.trouble == nil }
      client.close()
    }
  }

  /// A watch is of one connection: what follows it does not go where the slot has gone.
  @Test func whatFollowsAWatchIsAbortedWhereTheSlotHasGone() async throws {
    try await withCluster { cluster in
      let client = try access(cluster.url)
      try await client.connected(deadline: .now + .seconds(20))
      let slot = KeySlot.of("tag")
      let source = try await cluster.master(of: slot)
      let target = try #require(cluster.nodes.first { $0 !== source })
      let questions = [["UNWATCH"], ["WATCH", "{tag}"], ["SCARD", "{tag}"]]
      _ = try await client.commands(questions, deadline: soon)
      try await cluster.move(slot: slot, to: target)
      await #expect(throws: RedisError.self) {
        try await client.transaction([["SADD", "{tag}", "blind"]], deadline: soon)
      }
      #expect(try await client.command(["SCARD", "{tag}"], deadline: soon) == .integer(0))
      // From the beginning it works, and another's change is noticed there.
      _ = try await client.commands(questions, deadline: soon)
      #expect(try await client.transaction([["SADD", "{tag}", "a"]], deadline: soon) == [.integer(1)])
      _ = try await client.commands(questions, deadline: soon)
      try await cluster.run(["-c", "SADD", "{tag}", "other"], on: source)
      await #expect(throws: RedisError.aborted("a watched key has changed")) {
        try await client.transaction([["SADD", "{tag}", "b"]], deadline: soon)
      }
      client.close()
    }
  }

  /// A killed master: its slots are in trouble, the others serve; its replica takes over, and the trouble ends.
  @Test func aReplicaTakesOver() async throws {
    try await withCluster(replicas: 1, extra: ["cluster-require-full-coverage no"]) { cluster in
      let client = try access(cluster.url)
      let troubles = Tally()
      client.onTrouble = { troubles.told.append($0) }
      try await client.connected(deadline: .now + .seconds(20))
      #expect(client.servers.count == 3 && troubles.told.isEmpty)
      _ = try await client.command(["SADD", "{tag}", "a"], deadline: soon)
      let master = try await cluster.master(of: KeySlot.of("tag"))
      let other = try #require(
        await cluster.members(as: master).first { $0.isMaster && $0.port != master.port }?.slots.first?
          .lowerBound)
      let elsewhere = try #require((0..<200_000).first { KeySlot.of("\($0)") == other }.map { "{\($0)}" })
      await master.kill()
      try await until { client.trouble != nil }
      #expect(client.isConnected)
      let lost = await refusal { try await client.command(["SADD", "{tag}", "b"], deadline: soon) }
      guard case .unavailable = lost else { throw TestFailure("\(String(describing: lost))") }
      #expect(try await client.command(["SADD", elsewhere, "a"], deadline: soon) == .integer(1))
      try await until(within: .seconds(40)) { client.trouble == nil }
      #expect(client.servers.count == 3)
      let replies = try await client.transaction(
        [["SCARD", "{tag}"], ["SADD", "{tag}", "c"]], deadline: soon)
      #expect(replies[1] == .integer(1))
      #expect(troubles.told.count >= 2 && troubles.told.last == .some(nil))
      // It comes back as a replica of the other one.
      try await master.restart()
      try await until {
        let known = try await cluster.members(as: master)
        return known.contains { $0.port == master.port && !$0.isMaster }
      }
      #expect(try await client.command(["SCARD", "{tag}"], deadline: soon).integer ?? 0 >= 1)
      client.close()
    }
  }

  /// What is in flight when a master dies is unknown, and is not sent again.
  @Test func whatIsInFlightIsUnknown() async throws {
    try await withCluster { cluster in
      let client = try access(cluster.url)
      try await client.connected(deadline: .now + .seconds(20))
      let master = try await cluster.master(of: KeySlot.of("tag"))
      master.pause()
      let outcome = Completion<RedisError?>()
      EventLoop.shared.spawn {
        outcome.succeed(
          await refusal {
            try await client.transaction([["SADD", "{tag}", "a"]], deadline: .now + .seconds(30))
          })
      }
      await Task.yield()
      await master.kill()
      let error = try await outcome.value(deadline: .now + .seconds(20))
      guard case .outcomeUnknown = error else { throw TestFailure("\(String(describing: error))") }
      client.close()
    }
  }

  /// Each master is asked to show what it can do: here one of three refuses.
  @Test func aRightThatOneMasterDeniesIsKnownWithoutACaller() async throws {
    try await withCluster { cluster in
      for node in cluster.nodes {
        try await cluster.run(
          ["ACL", "SETUSER", "limited", "on", ">secret", "~*", "+@all"], on: node)
      }
      let hosts = cluster.nodes.map { "127.0.0.1:\($0.port)" }.joined(separator: ",")
      let client = try access("redis://limited:secret@\(hosts)")
      try await client.connected(deadline: .now + .seconds(20))
      try await cluster.run(["ACL", "SETUSER", "limited", "-sadd"], on: cluster.nodes[1])
      try await until {
        client.trouble?.kind == .forbidden
          && client.trouble?.reason.contains("\(cluster.nodes[1].port)") == true
      }
      try await cluster.run(["ACL", "SETUSER", "limited", "+sadd"], on: cluster.nodes[1])
      try await until { client.trouble == nil }
      client.close()
    }
  }

  /// A node that has forgotten the others says that their slots are served by nobody: they are served on.
  @Test func aNodeThatHasForgottenTheOthersIsNotBelieved() async throws {
    try await withCluster(extra: ["cluster-require-full-coverage no"]) { cluster in
      let client = try access(cluster.url)
      try await client.connected(deadline: .now + .seconds(20))
      let node = cluster.nodes[0]
      let others = try await cluster.members(as: node).filter { $0.port != node.port }
      let keys = others.compactMap { other in
        (0..<100_000).lazy.map { "{\($0)}" }.first { key in
          other.slots.contains { $0.contains(KeySlot.of(key)) }
        }
      }
      #expect(keys.count == 2)
      for other in others { try await cluster.run(["CLUSTER", "FORGET", other.id], on: node) }
      try await cluster.run(["CONFIG", "RESETSTAT"], on: node)
      try await until {
        // A lost connection makes the map wanted.
        try await cluster.run(["CLIENT", "KILL", "TYPE", "normal"], on: node)
        for key in keys { _ = try await client.command(["SADD", key, "a"], deadline: soon) }
        return try await cluster.run(["INFO", "commandstats"], on: node).contains("cmdstat_cluster|slots:")
      }
      for key in keys { _ = try await client.command(["SADD", key, "a"], deadline: soon) }
      try await until { client.servers.count == 3 && client.trouble == nil }
      client.close()
    }
  }

  /// What a proxy in front of a cluster may say for a moment, or a server for another reason.
  @Test(arguments: ["CLUSTERDOWN down", "TRYAGAIN later", "CROSSSLOT no", "MOVED 5 127.0.0.1:1"])
  func aPassingWordMakesNoClusterOfAServer(words: String) async throws {
    try await onLoop {
      let server = try await TestServers.ownRedis()
      let client = try access(server.url)
      try await client.connected(deadline: .now + .seconds(10))
      let said = await refusal {
        try await client.command(["EVAL", "return redis.error_reply('\(words)')", "0"], deadline: soon)
      }
      guard case .server(words) = said else { throw TestFailure("\(String(describing: said))") }
      try await until {
        (try? await client.transaction([["SADD", "{tag}", "a"]], deadline: soon)) != nil
          && client.trouble == nil
      }
      #expect(client.isConnected && client.servers.count == 1)
      client.close()
      await server.kill()
    }
  }

  /// Without the right to ask what the server is, MOVED says it.
  @Test func aClusterIsKnownByWhatItRefuses() async throws {
    try await withCluster { cluster in
      for node in cluster.nodes {
        try await cluster.run(
          ["ACL", "SETUSER", "limited", "on", ">secret", "~*", "+@all", "-hello"], on: node)
      }
      // This node does not serve the slot of the trial's key.
      let owner = try await cluster.master(of: KeySlot.of("0"))
      let other = try #require(cluster.nodes.first { $0 !== owner })
      let client = try access("redis://limited:secret@127.0.0.1:\(other.port)")
      try await client.connected(deadline: .now + .seconds(20))
      #expect(client.servers.count == 3)
      for number in 0..<20 {
        #expect(try await client.command(["SADD", "key-\(number)", "a"], deadline: soon) == .integer(1))
      }
      // The client of the one server has gone.
      try await until {
        let clients = try await cluster.run(["CLIENT", "LIST"], on: other)
        return clients.split(separator: "\n").count { $0.contains("name=test") } == 1
      }
      client.close()
    }
  }

  @Test func severalHostsThatAreNoClusterAreSaid() async throws {
    try await onLoop {
      let server = try await TestServers.ownRedis()
      let client = try access(server.url.replacing("/0", with: ",127.0.0.1:1"))
      try await until { client.trouble?.reason.contains("no node of a cluster") == true }
      #expect(client.trouble?.kind == .refused)
      client.close()
      await server.stop()
    }
  }

  @Test func aDatabaseThatAClusterDoesNotHaveIsSaid() async throws {
    try await withCluster { cluster in
      let client = try access(cluster.url(of: cluster.nodes[0]) + "/3")
      try await until { client.trouble?.reason.contains("SELECT") == true }
      #expect(client.trouble?.kind == .loginRefused)
      client.close()
    }
  }

  @Test func aNodeWithoutSlotsIsSaid() async throws {
    try await onLoop {
      let node = try await TestServers.ownRedis(extra: ["cluster-enabled yes"])
      let client = try access(node.url)
      try await until { client.trouble?.kind == .cluster }
      #expect(client.trouble?.reason == "16384 of the cluster's 16384 slots are served by no node")
      client.close()
      await node.kill()
    }
  }

  private func withCluster(
    replicas: Int = 0, spare: Int = 0, extra: [String] = [],
    _ body: @escaping @Sendable @LoopActor (PrivateRedisCluster) async throws -> Void
  ) async throws {
    try await onLoop {
      let cluster = try await TestServers.redisCluster(
        replicas: replicas, spare: spare, nodeTimeout: .milliseconds(1_000), extra: extra)
      try await body(cluster)
      await cluster.kill()
    }
  }

  @LoopActor
  private func access(_ url: String) throws -> RedisAccess {
    let client = RedisAccess(
      configuration: try RedisConfiguration(url: url), name: "test", trial: RedisClusterTests.trial)
    client.start()
    return client
  }
}

private var soon: Instant { .now + .seconds(10) }

@LoopActor
private final class Tally {
  var asked = 0
  var members: [String: Int] = [:]
  var told: [RedisTrouble?] = []
}

@LoopActor
private func refusal(_ body: @LoopActor () async throws -> Any) async -> RedisError? {
  do {
    _ = try await body()
    return nil
  } catch { return error as? RedisError }
}
