import EventLoop
import HTTP
import Kafka
import TestSupport
import Testing

extension EDATests {
  /// I12 on the running program: no request waits far beyond its deadline.
  @Suite(.limited) struct Deadlines {
    /// A coupon was won, so the only moment that the program still waits for is the end of that attempt, seconds
    /// later. A request that comes now has to be answered at its own deadline.
    @Test func aRequestAfterAWinIsAnsweredAtItsOwnDeadline() async throws {
      try await onLoop {
        let stage = try await Stage(deadline: 300)
        let api = try await stage.startAPI()
        let policy = try await stage.newPolicy(quota: 20)
        let crowd = Crowd(policy: policy)
        await crowd.ask(["winner"], of: stage)
        #expect(crowd.winners.count == 1)
        // The winner's own deadline passes.
        await EventLoop.shared.sleep(for: .milliseconds(400))
        stage.broker.down()
        let asked = Instant.now
        let request = HTTPRequest(
          .post, "/v1/policies/\(policy)/coupons", headers: [("X-User-Id", "second")])
        let answer = try await api.client.send(request, deadline: .now + .seconds(10))
        let waited = Instant.now - asked
        #expect(answer.status == 503)
        #expect(answer.object["code"] as? String == "outcome-unknown")
        // The end of the winner's attempt would be 2.9 s away; the deadline is 0.3 s.
        #expect(waited < .seconds(2), "answered after \(waited.milliseconds) ms")
        stage.broker.up()
        await stage.end()
      }
    }
  }
}
