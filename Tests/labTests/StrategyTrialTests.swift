import CouponLog
import TestSupport
import CouponDomain
import CouponStore
import EventLoop
import HTTP
import Kafka
import Testing
import lab
import CouponMonolith
import Verify
import History

/// Every strategy under small crowds, judged by the checker: the right ones pass, the wrong ones are found out, each in a
/// run in which it can show.
@Suite(.serialized, .limited) struct StrategyTrialTests {
  private static let rightWays = RedisWay.allCases.filter { $0 != .scardThenSadd }
  private static let (quota, people) = (10, 40)

  @Test(arguments: MonolithStrategy.allCases) func monolith(strategy: MonolithStrategy) async throws {
    try await onLoop {
      let trial = try await Trial(.monolith, strategy.rawValue)
      var oversold = 0
      // The wrong one until it shows; how soon depends on what else the machine does.
      for seed in 1...(strategy == .unlocked ? 100 : 2) as ClosedRange<UInt64> where oversold == 0 {
        let policy = try await trial.policy(quota: Self.quota)
        let found = try await trial.verify(await trial.crowd(Self.people, for: policy, seed: seed))
        oversold += found.tally.oversold
        #expect(found.passed == (found.tally.oversold == 0), "\(found.troubles)")
        if found.tally.oversold > 0 { #expect(found.word(.quota) == "VIOLATED") }
      }
      #expect((oversold > 0) == (strategy == .unlocked))
      await trial.end()
    }
  }

  @Test func theRightOnesNeverOversell() async throws {
    try await onLoop {
      try await together(["log"] + Self.rightWays.map(\.rawValue)) { strategy in
        let trial = try await Trial(.eda, strategy)
        for seed in 1...20 as ClosedRange<UInt64> { try await Self.small(seed, trial) }
        for policy in try await PolicySQL.all(in: trial.tables, deadline: .now + .seconds(5)) {
          #expect(try await Self.rows(of: policy, trial) == Self.quota)
        }
        await trial.end()
      }
    }
  }

  @LoopActor
  private static func small(_ seed: UInt64, _ trial: Trial) async throws {
    let policy = try await trial.policy(quota: quota)
    let history = await trial.crowd(people, for: policy, seed: seed)
    let ranked = trial.strategy == "log"
    #expect(history.coupons.allSatisfy { ($0.rank != nil) == ranked })
    if seed % 10 == 1 {
      let found = try await trial.verify(history)
      #expect(found.passed, "\(trial.strategy): \(found.troubles)")
      #expect(found.word(.logOrder) == (ranked ? "ok" : "n/a"))
      #expect(found.word(.soldOutIsTrue) == (ranked ? "ok" : "n/a"))
    }
    try await trial.until("all coupons of \(policy.id)") {
      try await Self.rows(of: policy, trial) >= Int64(quota)
    }
  }

  @Test func askingRedisThreeQuestionsOversells() async throws {
    try await onLoop {
      let trial = try await Trial(.eda, RedisWay.scardThenSadd.rawValue)
      var oversold = 0
      for seed in 1...5 as ClosedRange<UInt64> {
        let policy = try await trial.policy(quota: Self.quota)
        let found = try await trial.verify(await trial.crowd(Self.people, for: policy, seed: seed))
        #expect(found.passed == (found.tally.oversold == 0), "\(found.troubles)")
        oversold += found.tally.oversold
      }
      #expect(oversold > 0)
      await trial.end()
    }
  }

  /// What happens to the claims of the people whom Redis has admitted, and what the rollback makes of it.
  private struct Accident {
    enum Kind {
      /// They are in the log, their delivery reports are not.
      case reportLost
      /// They were never written, and that is known: nothing was handed to the library.
      case neverSent
      /// They were never written: the broker was away. The library has had them, so nobody knows.
      case brokerAway
      /// They were never written, and nobody knows: the connection broke.
      case lostUnderWay
    }

    let kind: Kind
    let rollback: Rollback
    var oversells = false
    var loses = false
  }

  /// Who gives back the slot of a claim that was written sells it twice; who keeps that of another sells it to nobody.
  @Test func eachRollbackIsWrongInItsWay() async throws {
    let accidents = [
      Accident(kind: .reportLost, rollback: .anyError, oversells: true),
      Accident(kind: .reportLost, rollback: .notPersisted),
      Accident(kind: .neverSent, rollback: .notPersisted),
      Accident(kind: .neverSent, rollback: .none, loses: true),
      Accident(kind: .brokerAway, rollback: .anyError),
      Accident(kind: .brokerAway, rollback: .notPersisted, loses: true),
      Accident(kind: .lostUnderWay, rollback: .anyError),
      Accident(kind: .lostUnderWay, rollback: .notPersisted, loses: true),
    ]
    try await onLoop { try await together(accidents) { try await Self.play($0) } }
  }

  @LoopActor
  private static func play(_ accident: Accident) async throws {
    let trial = try await Trial(.eda, "redis-lua:\(accident.rollback.rawValue)")
    let policy = try await trial.policy(quota: 5)
    let first = await trial.crowd(3, for: policy, named: "first")
    switch accident.kind {
    case .reportLost: trial.broker.answerLate(.produce, by: .seconds(6), count: 20)
    case .neverSent: try await trial.switchKafka(.put, #"{"kind":"outage","ttlSeconds":60}"#)
    case .brokerAway: trial.broker.down()
    case .lostUnderWay: trial.broker.fail(.produce, with: .disconnect, count: 500)
    }
    let second = await trial.crowd(2, for: policy, attempts: 1)
    // Far longer than the message's timeout and the library's look at it; for late answers, until they are through.
    await EventLoop.shared.sleep(for: .seconds(7))
    if accident.kind == .neverSent { try await trial.switchKafka(.delete) }
    trial.broker.up()
    trial.broker.clear(.produce)
    try await trial.until("the log takes entries again") { (try? await trial.policy(quota: 1)) != nil }
    let third = await trial.crowd(20, for: policy, named: "q")
    let found = try await trial.verify(first, second, third)
    #expect(found.tally.oversold == (accident.oversells ? 2 : 0), "\(accident): \(found.tally)")
    #expect((found.word(.quota) == "VIOLATED") == accident.oversells, "\(accident): \(found.troubles)")
    #expect(found.tally.missing == (accident.loses ? 2 : 0), "\(accident): \(found.tally)")
    #expect((found.word(.healing) == "VIOLATED") == accident.loses, "\(accident): \(found.troubles)")
    await trial.end()
  }
}

extension StrategyTrialTests {
  @LoopActor
  private static func rows(of policy: Policy, _ trial: Trial) async throws -> Int64 {
    try await AuditSQL.couponCount(of: policy.id, in: trial.tables, deadline: .now + .seconds(5))
  }
}
