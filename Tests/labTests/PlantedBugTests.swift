import CouponDomain
import EventLoop
import Postgres
import TestSupport
import Testing
import lab
import History
import Verify

/// Mistakes that are no strategies, each in a run in which it can show; the same run without it is the control.
@Suite(.serialized, .limited) struct PlantedBugTests {
  /// Redis forgets its set when the day is full, and others come.
  @Test func acknowledgedOnTheBareDeliveryReport() async throws {
    try await compare(.bareDeliveryReport) { bug in
      let trial = try await Trial(.eda, "log", bug: bug)
      let policy = try await trial.policy(quota: 5)
      let first = await trial.crowd(20, for: policy)
      try await trial.redis(["DEL", trial.set(of: policy)])
      let second = await trial.crowd(20, for: policy, named: "q")
      let found = try await trial.verify(first, second)
      if bug == nil {
        #expect(found.passed, "\(found.troubles)")
      } else {
        #expect(found.word(.acknowledgedIsRecorded) == "VIOLATED")
        #expect(found.tally.oversold >= 5 && found.tally.lost >= 5)
      }
      await trial.end()
    }
  }

  /// Redis' set holds people who will never have a coupon.
  @Test func soldOutBecauseOfTheSet() async throws {
    try await compare(.soldOutFromSet) { bug in
      let trial = try await Trial(.eda, "log", bug: bug, settings: ["REQUEST_DEADLINE_MS": "300"])
      let policy = try await trial.policy(quota: 5)
      try await trial.redis(["SADD", trial.set(of: policy), "ghost1", "ghost2", "ghost3"])
      let found = try await trial.verify(await trial.crowd(20, for: policy, attempts: bug == nil ? 8 : 4))
      #expect((found.word(.soldOutIsTrue) == "VIOLATED") == (bug != nil), "\(found.troubles)")
      // With the mistake people give up, unless the machine is so slow that the ghosts are gone before their last attempt.
      #expect(bug != nil || found.word(.healing) != "VIOLATED", "\(found.troubles)")
      await trial.end()
    }
  }

  /// The tables are locked while the worker has messages in hand.
  @Test func offsetsStoredBeforeTheEffect() async throws {
    try await compare(.storesOffsetsEarly) { bug in
      let trial = try await Trial(.eda, "log", bug: bug)
      let policy = try await trial.policy(quota: 5)
      let first = try await trial.verify(await trial.crowd(1, for: policy, named: "first"))
      #expect(first.word(.committedIsApplied) != "VIOLATED")
      try await trial.keepingTheWorkerWaiting {
        let found = try await trial.verify(await trial.crowd(20, for: policy), patience: 2)
        #expect(found.word(.healing) == "VIOLATED")  // a lag is left
        #expect((found.word(.committedIsApplied) == "VIOLATED") == (bug != nil), "\(found.troubles)")
      }
      await trial.end()
    }
  }

  @Test func theWorkersOwnMistakes() async throws {
    let cases: [(bug: PlantedBug?, breaks: [Invariant])] = [
      (nil, []), (.skipsEvent, [.acknowledgedIsRecorded, .logOrder]),
      (.countsTwice, [.acknowledgedIsRecorded, .logOrder, .counters]), (.losesIssued, [.counters]),
    ]
    try await onLoop {
      try await together(cases) { bug, breaks in
        let trial = try await Trial(.eda, "log", bug: bug)
        let policy = try await trial.policy(quota: 10)
        let found = try await trial.verify(await trial.crowd(40, for: policy), patience: 3)
        #expect(found.passed == breaks.isEmpty, "\(String(describing: bug)): \(found.troubles)")
        for invariant in breaks { #expect(found.word(invariant) == "VIOLATED", "\(found.troubles)") }
        await trial.end()
      }
    }
  }

  /// Two APIs on two sides of a midnight, everybody asks both, and the worker, kept waiting meanwhile, takes what they
  /// have written in one batch. It shows where somebody's claim of today is in the log before that of yesterday.
  @Test func daysInsteadOfTheOrderOfTheLog() async throws {
    try await compare(.groupsByDay) { bug in
      let trial = try await Trial(.eda, "log", bug: bug)
      try await trial.startAPI(settings: ["CLOCK_OFFSET_MS": "-86400000"])
      var isSeen = false
      for _ in 1...(bug == nil ? 2 : 10) where !isSeen {
        let policy = try await trial.policy(quota: 100)
        let (today, yesterday) = try await trial.keepingTheWorkerWaiting {
          let yesterday = Completion<History>()
          EventLoop.shared.spawn { yesterday.succeed(await trial.crowd(60, for: policy, api: 1)) }
          let today = await trial.crowd(60, for: policy)
          return (today, try await yesterday.value())
        }
        let found = try await trial.verify(today, yesterday)
        isSeen = !found.passed
        #expect((found.word(.logOrder) == "VIOLATED") == isSeen, "\(found.troubles)")
      }
      #expect(isSeen == (bug != nil))
      await trial.end()
    }
  }

  /// The run with the mistake, and beside it the run without.
  private func compare(
    _ bug: PlantedBug, _ play: @escaping @Sendable @LoopActor (PlantedBug?) async throws -> Void
  ) async throws {
    try await onLoop { try await together([nil, bug], play) }
  }
}
