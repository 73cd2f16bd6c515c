import CouponAPI
import CouponDomain
import CouponStore
import EventLoop
import HTTP
import Operations
import TestSupport
import Testing
import Text

/// Keeps who asks and tells them when the test says so.
@LoopActor
private final class LateService: EmptyService {
  var callers: [(user: UserID, caller: IssueCaller)] = []

  func issue(_ request: IssueRequest, for caller: IssueCaller) -> Reply<IssueAnswer>? {
    callers.append((request.userID, caller))
    return nil
  }
}

@LoopActor
private final class Heard {
  var answers: [String: HTTPResponse] = [:]
}

/// Answers that come in later turns, in any order.
@Suite(.limited) struct LateAnswerTests {
  @Test func eachCallerHearsTheirOwnAnswer() async throws {
    try await onLoop {
      let service = LateService()
      let metrics = Metrics()
      let api = PublicAPI(
        services: APIServices(coupons: service, bystander: MemoryBystander([])), metrics: metrics,
        troubles: .unheard(), clock: SystemClock(), requestDeadline: .seconds(3))
      let heard = Heard()
      let policy = try #require(PolicyID(1))
      @LoopActor func ask(_ name: String) {
        let request = HTTPRequest(.post, "/v1/policies/1/coupons", headers: [("X-User-Id", name)])
        let reply = api.handle(request, for: HTTPCaller { heard.answers[name] = $0 })
        #expect(reply.map { _ in 0 } == nil)
      }
      for round in 0..<3 {
        let names = (0..<5).map { "p\(round)-\($0)" }
        for name in names { ask(name) }
        for (index, waiting) in service.callers.reversed().enumerated() {
          let coupon = Coupon(
            claim: CouponClaim(
              eventID: EventID(high: 1, low: 2), couponID: CouponID(high: 3, low: 4), policyID: policy,
              userID: waiting.user, day: try #require(Day("2026-07-01")),
              issuedAt: try #require(Timestamp("2026-07-01T03:00:00Z"))),
            rank: 7)
          switch index {
          case 0: waiting.caller.tell(.soldOut)
          case 1: waiting.caller.tell(.existing(coupon))
          default: waiting.caller.tell(.created(coupon))
          }
        }
        service.callers = []
        for (index, name) in names.reversed().enumerated() {
          let answer = try #require(heard.answers[name])
          #expect(answer.status == [409, 200, 201, 201, 201][index])
          if index > 0 {
            #expect(String(decoding: answer.body, as: UTF8.self).contains("\"userId\":\"\(name)\""))
          }
        }
      }
      let text = String(decoding: metrics.render(), as: UTF8.self)
      #expect(text.contains(#"status="201"} 9"#))
      #expect(text.contains(#"status="200"} 3"#))
      #expect(text.contains(#"status="409"} 3"#))
    }
  }
}
