import CouponAPI
import CouponDomain
import CouponStore
import EventLoop
import HTTP
import Operations
import TestSupport
import Testing
import Text

/// What the services answer, as bytes.
@Suite(.limited) struct AnswerTests {
  @Test func troubleTellsWhetherAnythingWasDone() async throws {
    try await withFixture { fixture in
      try await fixture.createPolicy()
      fixture.coupons.trouble = .unavailable(reason: "The database is away.")
      let unavailable = await fixture.ask("kim")
      #expect(unavailable.status == 503)
      #expect(unavailable.contentType == "application/problem+json")
      #expect(unavailable.header("Retry-After") == "1")
      #expect(
        unavailable.text
          == #"{"type":"/problems/unavailable","title":"Unavailable; nothing was done","status":503,"#
          + #""code":"unavailable","detail":"The database is away."}"#)
      fixture.coupons.trouble = .outcomeUnknown(reason: "Nobody answered.")
      let unknown = await fixture.ask("kim")
      #expect(unknown.status == 503)
      #expect(unknown.header("Retry-After") == "1")
      #expect(unknown.text.contains(#""code":"outcome-unknown""#))
    }
  }

  @Test(arguments: [false, true])
  func aSoldOutDayIsAConstant(later: Bool) async throws {
    try await withFixture { fixture in
      try await fixture.createPolicy(quota: 1)
      fixture.coupons.answersLater = later
      #expect(await fixture.ask("kim").status == 201)
      #expect(await fixture.ask("kim").status == 200)
      let soldOut = await fixture.ask("lee")
      #expect(soldOut.status == 409)
      #expect(
        soldOut.text
          == #"{"type":"/problems/sold-out","title":"Today's coupons are sold out","status":409,"code":"sold-out"}"#
      )
    }
  }

  @Test func theHotPathAnswersAtOnce() async throws {
    try await withFixture { fixture in
      try await fixture.createPolicy()
      let request = HTTPRequest(.post, "/v1/policies/1/coupons", headers: [("X-User-Id", "kim")])
      guard case .now(let response) = fixture.api.handle(request, for: HTTPCaller { _ in }) else {
        Issue.record("a task for an answer that was there")
        return
      }
      #expect(response.status == 201)
    }
  }

  /// As a server has read them, not as a client made them.
  @Test(arguments: [
    ("/v1/policies/1/coupons?x=1", 201), ("http://coupons.example/v1/policies/1/coupons", 201),
    ("http://coupons.example/v1/policies/1/coupons?", 201), ("http://coupons.example", 404),
    ("http://coupons.example?/v1/policies/1/coupons", 404),
  ])
  func theTargetsOfReadHeadsLeadToRoutes(target: String, status: Int) async throws {
    try await withFixture { fixture in
      try await fixture.createPolicy()
      let head = Array("POST \(target) HTTP/1.1\r\nHost: x\r\nX-User-Id: kim\r\n\r\n".utf8)
      let parser = HeadParser(.request)
      let request = head.withUnsafeBytes { bytes in
        #expect(parser.parse(bytes) == .complete(length: head.count))
        return parser.request(bytes)
      }
      #expect(await fixture.api.answer(to: request).status == status)
    }
  }

  @Test func notOpenNamesTheNextOpening() async throws {
    try await withFixture { fixture in
      try await fixture.createPolicy(id: 1, from: 1, to: 2)
      try await fixture.createPolicy(id: 2, from: -3, to: -1)
      let before = await fixture.ask("kim", policy: "1")
      #expect(before.status == 403)
      let opensAt = try #require(before.json["opensAt"] as? String)
      #expect(opensAt.hasSuffix("T00:00:00.000000Z"))
      #expect(Timestamp(opensAt) != nil)
      let after = await fixture.ask("kim", policy: "2")
      #expect(after.status == 403)
      #expect(after.text.contains(#""code":"not-open","opensAt":null}"#))
    }
  }

  @Test func textIsEscaped() async throws {
    try await withFixture { fixture in
      let name = "say \"한글\" \\ / \u{1F600}"
      try await fixture.createPolicy(name: name)
      let response = await fixture.call(.get, "/v1/policies/1")
      #expect(response.json["name"] as? String == name)
      #expect(response.text.contains(#""name":"say \"한글\" \\ / 😀""#))
    }
  }

  @Test func aDayOutsideTheEventHasNothingToGive() async throws {
    try await withFixture { fixture in
      try await fixture.createPolicy(quota: 7, from: 1, to: 2)
      let today = try #require(await fixture.call(.get, "/v1/policies/1").json["today"] as? [String: Any])
      #expect(today["quota"] as? Int == 0)
      #expect(today["remaining"] as? Int == 0)
      #expect(today["isOpen"] as? Bool == false)
    }
  }

  @Test func readinessGivesItsReasons() async throws {
    try await withFixture { fixture in
      let ready = await fixture.call(.get, "/readyz")
      #expect(ready.status == 200)
      #expect(ready.text == #"{"ready":true,"reasons":[]}"#)
      fixture.coupons.notReadyBecause = ["reading the log", "no \"database\""]
      let waiting = await fixture.call(.get, "/readyz?for=coupons")
      #expect(waiting.status == 503)
      #expect(waiting.text == #"{"ready":false,"reasons":["reading the log","no \"database\""]}"#)
      #expect(await fixture.call(.get, "/healthz").status == 200)
    }
  }

  @Test func aBalancerKeepsAProcessThatServesThePlatform() async throws {
    try await withFixture { fixture in
      func status(_ query: String = "") async -> Int { await fixture.call(.get, "/readyz\(query)").status }
      // Before the first coupon request can be answered there are no requests at all.
      fixture.coupons.notReadyBecause = ["reading the log"]
      #expect(await status() == 503)
      #expect(await status("?for=platform") == 200)
      fixture.coupons.notReadyBecause = []
      #expect(await status() == 200)
      // Then an outage of what only coupons need takes away nothing else.
      fixture.coupons.notReadyBecause = ["the admission gate does not answer"]
      let away = await fixture.call(.get, "/readyz")
      #expect(away.status == 200)
      #expect(away.text == #"{"ready":true,"reasons":["the admission gate does not answer"]}"#)
      #expect(await status("?for=coupons") == 503)
      #expect(await status("?for=platform") == 200)
      // And where nothing can be answered the process goes.
      fixture.platform.reasons = ["stays cannot be read from the database"]
      #expect(await status() == 503)
      #expect(await status("?for=platform") == 503)
      fixture.coupons.notReadyBecause = []
      #expect(await status() == 200)
      let unknown = await fixture.call(.get, "/readyz?for=tea")
      #expect(unknown.status == 400 && unknown.text.contains("coupons or platform"))
    }
  }

  @Test func requestsAreCountedByTemplateAndStatus() async throws {
    try await withFixture { fixture in
      try await fixture.createPolicy()
      _ = await fixture.ask("kim")
      _ = await fixture.ask("lee")
      fixture.coupons.answersLater = true
      _ = await fixture.ask("park")
      _ = await fixture.ask("kim", policy: "99")
      _ = await fixture.ask("kim", policy: "one")
      _ = await fixture.ask("k m")
      _ = await fixture.call(.delete, "/v1/policies/1/coupons")
      _ = await fixture.call(.get, "/secret/\u{22}%00")
      let response = await fixture.call(.get, "/metrics")
      #expect(response.contentType == "text/plain; version=0.0.4; charset=utf-8")
      let route = #"route="/v1/policies/{policyId}/coupons""#
      #expect(response.text.contains("http_requests_total{\(route),status=\"201\"} 1\n"))
      #expect(response.text.contains("http_requests_total{\(route),status=\"409\"} 2\n"))
      #expect(response.text.contains("http_requests_total{\(route),status=\"404\"} 1\n"))
      #expect(response.text.contains("http_requests_total{\(route),status=\"400\"} 2\n"))
      #expect(response.text.contains("http_requests_total{\(route),status=\"405\"} 1\n"))
      #expect(response.text.contains("http_requests_total{route=\"none\",status=\"404\"} 1\n"))
      #expect(response.text.contains("http_request_duration_seconds_count{\(route)} 7\n"))
      #expect(!response.text.contains("secret"))
    }
  }

  @Test func aProgramWithoutCouponsHasOnlyItsHealth() async throws {
    try await onLoop {
      let api = PublicAPI(
        services: APIServices(readiness: { ServiceReadiness(reasons: []) }), metrics: .init(),
        troubles: .unheard(),
        clock: .init(), requestDeadline: .seconds(1))
      let paths = [
        ("/healthz", 200), ("/readyz", 200), ("/readyz?for=coupons", 200), ("/readyz?for=platform", 404),
        ("/metrics", 200), ("/v1/policies/1", 404), ("/v1/stays", 404),
      ]
      for (path, status) in paths {
        #expect(await api.answer(to: HTTPRequest(.get, path)).status == status, "\(path)")
      }
    }
  }
}
