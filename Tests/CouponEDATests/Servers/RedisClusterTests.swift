import EventLoop
import Foundation
import HTTP
import PrivateServers
import Redis
import TestSupport
import Testing

extension EDATests {
  /// The programs on a cluster of real nodes whose slots move and whose masters die under load: the invariants hold and the
  /// day fills.
  @Suite(.limited) struct RedisClusters {
    private static let quota = 300
    private static let crowdSize = 900

    /// The crowd comes in parts, so that each part meets what it is to meet.
    @LoopActor private final class Line {
      let crowd: Crowd
      private let stage: Stage
      private var rest = people(RedisClusters.crowdSize)[...]

      init(_ crowd: Crowd, _ stage: Stage) { (self.crowd, self.stage) = (crowd, stage) }

      func come(_ count: Int = RedisClusters.crowdSize) async {
        let part = Array(rest.prefix(count))
        rest = rest.dropFirst(count)
        await crowd.ask(part, of: stage)
      }
    }

    /// A part of the crowd comes before the strike, and the rest afterwards.
    @LoopActor
    private func play(
      replicas: Int = 0,
      _ strike: @escaping @LoopActor (Stage, PrivateRedisCluster, Line) async throws -> Void
    ) async throws {
      let cluster = try await TestServers.redisCluster(replicas: replicas, nodeTimeout: .seconds(1))
      let stage = try await Stage(settings: ["REDIS_URL": cluster.url])
      try stage.startWorker()
      for _ in 1...2 { try await stage.startAPI() }
      let crowd = Crowd(policy: try await stage.newPolicy(quota: Self.quota))
      let line = Line(crowd, stage)
      await line.come(50)
      try await strike(stage, cluster, line)
      #expect(crowd.winners.count < Self.quota, "the day was not over yet")
      await line.come()
      try await stage.waitForLag0()
      try await crowd.check(against: stage, quota: Self.quota, people: Self.crowdSize)
      // Redis' set is what the list says, wherever it is by now.
      try await eventually("the set is whole") {
        try await self.members(stage, cluster, crowd.policy).isSuperset(of: crowd.winners.keys)
      }
      await stage.end()
      await cluster.kill()
    }

    @LoopActor
    private func members(_ stage: Stage, _ cluster: PrivateRedisCluster, _ policy: Int) async throws -> Set<
      String
    > {
      let key = "\(stage.topic)timeattack:{\(policy)}:\(try await stage.day(of: policy)):issued:users"
      let master = try await cluster.master(of: KeySlot.of(key))
      return Set(
        try await cluster.run(["SMEMBERS", key], on: master).split(separator: "\n").map(String.init))
    }

    /// The slot is given away and taken back; each time a part of the crowd comes while it is in two places.
    @Test(.timeLimit(.minutes(4))) func theSlotMoves() async throws {
      try await onLoop {
        try await self.play { stage, cluster, line in
          let slot = KeySlot.of("\(line.crowd.policy)")
          let source = try await cluster.master(of: slot)
          let other = try #require(cluster.nodes.first { $0 !== source })
          for target in [other, source] {
            try await cluster.move(slot: slot, to: target) { await line.come(20) }
          }
          #expect(try await redirects(stage) > 0)
        }
      }
    }

    /// A node that gets its first slot has never heard of the script.
    @Test(.timeLimit(.minutes(4))) func aScriptIsUnknownToANewNode() async throws {
      try await onLoop {
        let cluster = try await TestServers.redisCluster(spare: 1, nodeTimeout: .seconds(1))
        let stage = try await Stage(settings: [
          "REDIS_URL": cluster.url, "COUPON_STRATEGY": "redis-lua:not-persisted",
        ])
        try stage.startWorker()
        try await stage.startAPI()
        let policy = try await stage.newPolicy(quota: Self.quota)
        func ask(_ person: String) async throws -> Int {
          let request = HTTPRequest(
            .post, "/v1/policies/\(policy)/coupons", headers: [("X-User-Id", person)])
          return try await stage.apis[0].client.send(request, deadline: .now + .seconds(10)).status
        }
        let first = try await ask("first")
        #expect(first == 201)
        let spare = cluster.nodes[3]
        try await cluster.add(spare)
        var calls = 0
        try await cluster.move(slot: KeySlot.of("\(policy)"), to: spare) {
          calls += 1
          // Its set has gone there, and the slot has not yet.
          guard calls == 2 else { return }
          for number in 1...3 {
            let status = try await ask("later-\(number)")
            #expect(status == 201)
          }
        }
        #expect(calls == 2)
        await stage.end()
        await cluster.kill()
      }
    }

    /// The replica that takes over lacks what came last: the winners are put back into its set.
    @Test(.timeLimit(.minutes(4))) func aReplicaThatIsBehindTakesOver() async throws {
      try await onLoop {
        try await self.play(replicas: 1) { stage, cluster, line in
          let slot = KeySlot.of("\(line.crowd.policy)")
          let master = try await cluster.master(of: slot)
          let known = try await cluster.members(as: master)
          let id = try #require(known.first { $0.port == master.port }?.id)
          let replica = try #require(known.first { $0.masterID == id }.flatMap { cluster.node($0.port) })
          replica.pause()
          await line.come(40)
          await master.kill()
          replica.resume()
          let meanwhile = EventLoop.shared.spawn { await line.come(40) }
          let others = try #require(cluster.nodes.first { $0 !== master && $0 !== replica })
          try await eventually("the replica takes over", within: .seconds(60)) {
            // Between the two the slot has no master.
            (try? await cluster.master(of: slot, as: others)) === replica
          }
          await meanwhile.value
          for api in stage.apis {
            try await api.process.patiently("the api is ready again") {
              let answer = try await api.client.send(
                HTTPRequest(.get, "/readyz?for=coupons"), deadline: .now + .seconds(5))
              return answer.status == 200 ? () : nil
            }
            #expect(
              api.process.log.contains("Redis cannot be used") && api.process.log.contains("\(master.port)"))
            #expect(api.process.log.contains("Redis can be used again"))
          }
          // As a former master does that was only away.
          try await master.restart()
        }
      }
    }
  }
}

/// How many calls the APIs were told to send elsewhere.
@LoopActor
private func redirects(_ stage: Stage) async throws -> Int {
  var sum = 0
  for api in stage.apis {
    let answer = try await api.client.send(HTTPRequest(.get, "/metrics"), deadline: .now + .seconds(5))
    let line = String(decoding: answer.body, as: UTF8.self).split(separator: "\n")
      .first { $0.hasPrefix("redis_redirects_total ") }
    sum += line.flatMap { $0.split(separator: " ").last }.flatMap { Double($0) }.map { Int($0) } ?? 0
  }
  return sum
}
