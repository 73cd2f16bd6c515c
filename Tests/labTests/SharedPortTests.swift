import CouponDomain
import EventLoop
import History
import TestSupport
import Testing
import Verify

/// Several processes' worth of programs on one topic: APIs that share an address, workers that share the partitions.
@Suite(.serialized, .limited) struct SharedPortTests {
  @Test func apisThatShareAPortSellADayTogether() async throws {
    try await onLoop {
      let trial = try await Trial(.eda, "log", settings: ["SHARE_PORT": "on"])
      for _ in 0..<2 { try await trial.startAPI(settings: ["HTTP_PORT": "\(trial.port)"]) }
      try await trial.startWorker()
      let policy = try await trial.policy(quota: 400)
      let first = await trial.crowd(600, for: policy, seed: 1, attempts: 10)
      // Those that are left take the stopped one's share, and what it has sold.
      await trial.stopAnAPI()
      let second = await trial.crowd(300, for: policy, seed: 2, attempts: 10)
      let found = try await trial.verify(first, second)
      #expect(found.passed, "\(found.troubles)")
      #expect(found.tally.oversold == 0)
      #expect(found.tally.rows == 400)
      await trial.end()
    }
  }

  /// Policies in several partitions, so that each worker has something to write, also several partitions at once.
  @Test func workersThatShareATopicWriteWhatApisSellTogether() async throws {
    try await onLoop {
      let trial = try await Trial(.eda, "log", settings: ["SHARE_PORT": "on"])
      try await trial.startAPI(settings: ["HTTP_PORT": "\(trial.port)"])
      try await trial.startWorker()
      var policies: [Policy] = []
      for _ in 0..<4 { policies.append(try await trial.policy(quota: 100)) }
      try await trial.workersShareTheLog()
      var histories: [[History]] = policies.map { _ in [] }
      for seed in 1...2 as ClosedRange<UInt64> {
        let crowds = policies.map { policy in
          let crowd = Completion<History>()
          EventLoop.shared.spawn {
            crowd.succeed(await trial.crowd(80, for: policy, seed: seed, attempts: 10))
          }
          return crowd
        }
        // The other one takes over what the first had, in the middle of the first crowd.
        if seed == 1 { await trial.stopAWorker() }
        for (index, crowd) in crowds.enumerated() { histories[index].append(try await crowd.value()) }
      }
      for crowds in histories {
        let found = try await trial.verify(crowds[0], crowds[1])
        #expect(found.passed, "\(found.troubles)")
        #expect(found.tally.rows == 100)
      }
      await trial.end()
    }
  }
}
