import EventLoop
import Foundation
import HTTP
import PrivateServers
import TestSupport
import Testing

extension EDATests {
  /// The quota under a crowd, while processes die.
  @Suite(.limited) struct Crowds {
    @Test(.timeLimit(.minutes(4))) func twoProcessesGiveExactlyTheQuota() async throws {
      try await onLoop {
        let stage = try await Stage()
        try stage.startWorker()
        try await stage.startAPI()
        try await stage.startAPI()
        for perPerson in ["once", "daily"] {
          let policy = try await stage.newPolicy(quota: 60, perPerson: perPerson)
          let crowd = Crowd(policy: policy)
          await crowd.ask(people(500), of: stage)
          try await stage.waitForLag0()
          try await crowd.check(against: stage, quota: 60, people: 500)
        }
        await stage.end()
      }
    }

    @Test(.timeLimit(.minutes(4))) func fewerPeopleThanCouponsAllWin() async throws {
      try await onLoop {
        let stage = try await Stage()
        try stage.startWorker()
        try await stage.startAPI()
        let policy = try await stage.newPolicy(quota: 50)
        let crowd = Crowd(policy: policy)
        await crowd.ask(people(30), of: stage)
        try await stage.waitForLag0()
        try await crowd.check(against: stage, quota: 50, people: 30)
        await stage.end()
      }
    }

    /// One person alone does not wait for others to send a claim with; a crowd sends its claims together.
    @Test(.timeLimit(.minutes(4))) func onlyFewSendTheirClaimsAtOnce() async throws {
      try await onLoop {
        let stage = try await Stage()
        try await stage.startAPI()
        let policy = try await stage.newPolicy(quota: 3_000)
        func flushes() async throws -> Int {
          let answer = try await stage.apis[0].client.send(
            HTTPRequest(.get, "/metrics"), deadline: .now + .seconds(10))
          let line = String(decoding: answer.body, as: UTF8.self).split(separator: "\n")
            .first { $0.hasPrefix("coupon_log_flushes_total ") }
          return Int(line?.split(separator: " ").last ?? "") ?? -1
        }
        let before = try await flushes()
        for person in people(5, "alone") {
          let crowd = Crowd(policy: policy)
          await crowd.ask([person], of: stage)
          #expect(crowd.winners.count == 1)
        }
        let alone = try await flushes()
        #expect(alone == before + 5)
        let crowd = Crowd(policy: policy)
        await crowd.ask(people(2_000), of: stage)
        #expect(crowd.winners.count == 2_000)
        // Those at its beginning and its end, when few wait.
        let together = try await flushes() - alone
        #expect(together < 20)
        await stage.end()
      }
    }

    @Test(.timeLimit(.minutes(4))) func aKilledWorkerGoesOnWhereItStood() async throws {
      try await onLoop {
        let stage = try await Stage()
        try stage.startWorker()
        try await stage.startAPI()
        let policy = try await stage.newPolicy(quota: 300)
        let crowd = Crowd(policy: policy)
        let surge = EventLoop.shared.spawn { await crowd.ask(people(900), of: stage) }
        for winners in [30, 120, 220] {
          try await eventually("\(winners) winners") { crowd.winners.count >= winners }
          await stage.killWorker()
          try stage.startWorker()
        }
        await surge.value
        try await stage.waitForLag0()
        try await crowd.check(against: stage, quota: 300, people: 900)
        await stage.end()
      }
    }

    /// Several partitions, read by two members of one group, one of which dies in the middle and comes back.
    @Test(.timeLimit(.minutes(4))) func twoWorkersShareThePartitions() async throws {
      try await onLoop {
        let stage = try await Stage()
        try stage.startWorker()
        var second = try stage.process("worker", [:])
        try await stage.startAPI()
        var crowds: [Crowd] = []
        for _ in 0..<4 { crowds.append(Crowd(policy: try await stage.newPolicy(quota: 150))) }
        for worker in [stage.worker, second] {
          try await eventually("each has partitions") {
            worker?.log.contains("partitions were given\" count=2") == true
          }
        }
        let surges = crowds.map { crowd in
          EventLoop.shared.spawn { await crowd.ask(people(300, "c\(crowd.policy)-"), of: stage) }
        }
        for winners in [60, 300] {
          try await eventually("\(winners) winners") { crowds.reduce(0) { $0 + $1.winners.count } >= winners }
          await second.kill()
          second = try stage.process("worker", [:])
        }
        for surge in surges { await surge.value }
        try await stage.waitForLag0()
        for crowd in crowds { try await crowd.check(against: stage, quota: 150, people: 300) }
        #expect(await second.end() == .code(0))
        await stage.end()
      }
    }

    @Test(.timeLimit(.minutes(4))) func aKilledAPILosesNothingAndTheDayFills() async throws {
      try await onLoop {
        let stage = try await Stage()
        try stage.startWorker()
        try await stage.startAPI()
        let policy = try await stage.newPolicy(quota: 200)
        let crowd = Crowd(policy: policy)
        let surge = EventLoop.shared.spawn { await crowd.ask(people(600), of: stage) }
        try await eventually("the surge has begun") { crowd.winners.count >= 40 }
        await stage.killAPI(0)
        try await stage.startAPI()
        await surge.value
        try await stage.waitForLag0()
        try await crowd.check(against: stage, quota: 200, people: 600)
        await stage.end()
      }
    }
  }
}

/// Tests with processes and real servers run one after the other: they kill and stop things.
@Suite(.serialized, .limited) enum EDATests {}
