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
