import CouponLog
import CouponAdmission
import CouponDomain
import EventLoop
import Foundation
import HTTP
import TestSupport
import Testing
import Text

extension EDATests {
  /// The programs under a strategy where Redis decides.
  @Suite(.limited) struct Strategies {
    @Test func namesAreWhatTheyMean() {
      #expect(EDAStrategy("log") == .log)
      #expect(EDAStrategy("redis-lua") == .redis(.lua, .anyError))
      #expect(EDAStrategy("redis-watch:not-persisted") == .redis(.watch, .notPersisted))
      #expect(EDAStrategy.names.count == 17 && EDAStrategy.names.first == "log")
      #expect(EDAStrategy.names.allSatisfy { EDAStrategy($0) != nil })
      for name in ["", "log:none", "redis", "redis-lua:", "redis-lua:none:none", ":none"] {
        #expect(EDAStrategy(name) == nil, "\(name)")
      }
    }

    @Test(.timeLimit(.minutes(2))) func ranksAreNullAndTablesKnowTheirStrategy() async throws {
      try await onLoop {
        let stage = try await Stage(settings: ["COUPON_STRATEGY": "redis-lua:not-persisted"])
        try stage.startWorker()
        let api = try await stage.startAPI()
        let policy = try await stage.newPolicy(quota: 2)
        func ask(_ person: String, _ method: HTTPMethod = .post, _ path: String = "") async throws
          -> HTTPClientResponse
        {
          let target = "/v1/policies/\(policy)/coupons\(path)"
          let request = HTTPRequest(method, target, headers: [("X-User-Id", person)])
          return try await api.client.send(request, deadline: .now + .seconds(5))
        }
        let first = try await ask("a")
        #expect(first.status == 201 && first.object["rank"] is NSNull)
        let again = try await ask("a")
        #expect(again.status == 200 && again.body == first.body)
        #expect(try await ask("b").status == 201)
        #expect(try await ask("c").status == 409)
        #expect(try await ask("b", .get, "/me").status == 200)
        #expect(try await ask("c", .get, "/me").status == 404)
        let metrics = try await api.client.send(HTTPRequest(.get, "/metrics"), deadline: .now + .seconds(5))
        let text = String(decoding: metrics.body, as: UTF8.self)
        #expect(text.contains("coupon_strategy_info{strategy=\"redis-lua:not-persisted\"} 1"))
        try await stage.waitForLag0()
        let rows = try await stage.rows(of: policy)
        #expect(Set(rows.keys) == ["a", "b"] && rows.values.allSatisfy { $0.rank == nil })

        let other = try stage.process("worker", ["COUPON_STRATEGY": "log"])
        #expect(await other.child.exit() == .code(1))
        #expect(other.log.contains("under another COUPON_STRATEGY, one without unique ranks"), "\(other.log)")
        await stage.end()
      }
    }
  }
}
