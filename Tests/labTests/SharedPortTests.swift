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
}
