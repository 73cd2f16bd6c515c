import TestSupport
import EventLoop
import Foundation
import PrivateServers
import Redis
import Testing

extension EDATests {
  /// Redis forgets, dies or stops: the invariants hold and the day fills.
  @Suite(.limited) struct RedisTrouble {
    private static let quota = 150
    private static let crowdSize = 450

    /// Plays a surge during which `strike` happens once, at a third of the quota.
    @LoopActor
    private func play(
      deadline: Int = 2_000, _ strike: @escaping @LoopActor (PrivateRedis) async throws -> Void
    ) async throws {
      let redis = try await TestServers.ownRedis()
      let stage = try await Stage(redis: redis, deadline: deadline)
      try stage.startWorker()
      try await stage.startAPI()
      let policy = try await stage.newPolicy(quota: Self.quota)
      let crowd = Crowd(policy: policy)
      let surge = EventLoop.shared.spawn { await crowd.ask(people(Self.crowdSize), of: stage) }
      try await eventually("a third") { crowd.winners.count >= Self.quota / 3 }
      try await strike(redis)
      await surge.value
      try await stage.waitForLag0()
      try await crowd.check(against: stage, quota: Self.quota, people: Self.crowdSize)
      await stage.end()
      await redis.stop()
    }

    @Test(.timeLimit(.minutes(4))) func flushed() async throws {
      try await onLoop {
        try await self.play { redis in
          let client = RedisClient(configuration: try RedisConfiguration(url: redis.url), name: "test")
          client.start()
          try await client.connected(deadline: .now + .seconds(5))
          _ = try await client.command(["FLUSHALL"], deadline: .now + .seconds(5))
          client.close()
        }
      }
    }

    @Test(.timeLimit(.minutes(4))) func killedAndRestartedEmpty() async throws {
      try await onLoop {
        try await self.play { redis in
          await redis.kill()
          try await redis.restart(empty: true)
        }
      }
    }

    /// Longer than a request's deadline: what timed out is applied when Redis goes on.
    @Test(.timeLimit(.minutes(4))) func stoppedForFourSeconds() async throws {
      try await onLoop {
        try await self.play { redis in
          redis.pause()
          await EventLoop.shared.sleep(for: .seconds(4))
          redis.resume()
        }
      }
    }

    /// Everybody whom Redis admitted has left: the slots come back and the day fills (R21).
    @Test(.timeLimit(.minutes(4))) func aSetOfGhostsIsEmptied() async throws {
      try await onLoop {
        let stage = try await Stage(deadline: 500)
        try stage.startWorker()
        try await stage.startAPI()
        let policy = try await stage.newPolicy(quota: 3)
        let client = RedisClient(configuration: try RedisConfiguration(url: stage.redis.url), name: "test")
        client.start()
        try await client.connected(deadline: .now + .seconds(5))
        let day = try await stage.day(of: policy)
        let key = "\(stage.topic)timeattack:{\(policy)}:\(day):issued:users"
        _ = try await client.command(["SADD", key, "g1", "g2", "g3"], deadline: .now + .seconds(5))
        let crowd = Crowd(policy: policy)
        await crowd.ask(people(5), of: stage)
        try await stage.waitForLag0()
        try await crowd.check(against: stage, quota: 3, people: 5)
        // The key goes with its last member and comes back without an expiry: the next look sets it again.
        try await eventually("the key has an expiry") {
          let life = try await client.command(["TTL", key], deadline: .now + .seconds(5))
          return (life.integer ?? 0) > 86_400
        }
        client.close()
        await stage.end()
      }
    }
  }
}
