import CouponDomain
import EventLoop
import History
import Laboratory
import PrivateServers
import Redis
import TestSupport
import Testing
import Verify

/// On a cluster, judged by the checker as on a single server.
@Suite(.serialized, .limited) struct RedisClusterTrialTests {
  private static let (quota, people) = (300, 900)

  /// Every way to ask that is right stays right while a policy's slot moves between two nodes.
  @Test(arguments: ["log", "redis-transaction", "redis-lua", "redis-watch"])
  func aSlotThatMovesSellsNothingTwice(strategy: String) async throws {
    try await onLoop {
      let cluster = try await TestServers.redisCluster()
      let trial = try await Trial(.eda, strategy, redis: cluster.url)
      let policy = try await trial.policy(quota: Self.quota)
      let surge = start {
        await trial.crowd(Self.people, for: policy, attempts: 10, rate: 300)
      }
      let slot = KeySlot.of("\(policy.id)")
      let source = try await cluster.master(of: slot)
      let other = try #require(cluster.nodes.first { $0 !== source })
      var moves = 0
      while !surge.isDone {
        try await cluster.move(slot: slot, to: moves % 2 == 0 ? other : source)
        moves += 1
      }
      #expect(moves > 2)
      let found = try await trial.verify(try await surge.value())
      #expect(found.passed, "\(strategy): \(found.troubles)")
      await trial.end()
      await cluster.kill()
    }
  }

  /// Where the log decides, a master may die.
  @Test func aKilledMasterSellsNothingTwiceAndTheDayFills() async throws {
    try await onLoop {
      let cluster = try await TestServers.redisCluster(replicas: 1, nodeTimeout: .seconds(1))
      let trial = try await Trial(.eda, "log", redis: cluster.url)
      let policy = try await trial.policy(quota: Self.quota)
      let surge = start {
        await trial.crowd(Self.people, for: policy, attempts: 40, rate: 300)
      }
      let set = trial.set(of: policy)
      let master = try await cluster.master(of: KeySlot.of(set))
      try await trial.until("a part is sold") {
        let count = try await cluster.run(["SCARD", set], on: master)
        return (Int(count.split(separator: "\n").first ?? "") ?? 0) > Self.quota / 4
      }
      #expect(!surge.isDone)
      await master.kill()
      let found = try await trial.verify(try await surge.value())
      #expect(found.passed, "\(found.troubles)")
      #expect(found.tally.oversold == 0)
      await trial.end()
      await cluster.kill()
    }
  }

  /// `lab` on a cluster that the user names: programs, checker and reset find each policy's node.
  @Test func aLaboratoryUsesANamedCluster() async throws {
    try await onLoop {
      let cluster = try await TestServers.redisCluster()
      let lab = try LabProcess()
      try await lab.up("--only", "eda", environment: ["REDIS_URL": cluster.url])
      let api = try #require(lab.state?.parts.first { $0.part == "eda-api" })
      for number in 1...4 {
        #expect(try await lab.run("policy", "create", "--quota", "1").code == 0)
        let answers = try await ask(api, for: ["ann", "bob"], policy: number)
        #expect(answers == [201, 409])
        let (code, text) = try await lab.run(
          "verify", "--only", "eda", "--policy", "\(number)", "--no-history")
        #expect(code == 0, "\(text)")
        #expect(text.contains("Redis' set, which proves nothing: 1 members"), "\(text)")
      }
      #expect(try await keys(cluster) == 4)
      #expect(try await lab.run("reset").code == 0)
      #expect(try await keys(cluster) == 0)
      await cluster.kill()
    }
  }

  @LoopActor
  private func keys(_ cluster: PrivateRedisCluster) async throws -> Int {
    var count = 0
    for node in cluster.nodes {
      count += try await cluster.run(["KEYS", "lab*:timeattack:*:issued:users"], on: node)
        .split(separator: "\n").filter { $0.hasPrefix("lab") }.count
    }
    return count
  }
}
