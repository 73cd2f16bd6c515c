import CouponAPI
import EventLoop
import HTTP
import TestSupport
import Testing

@Suite(.limited) struct RouteTests {
  @Test(arguments: [
    "/", "/v1", "/v1/policies", "/v1/policies/", "/v1/policies/1/", "/v1/policies/1/coupons/",
    "/v1/policies//coupons",
    "/v1/policies/1/coupons/me/", "/v1/policies/1/coupons/you", "/v1/policies/1/%63oupons", "/v2/policies/1",
    "/v1/stays/", "/v1/stays/1/", "/v1/stays/1/bookings/1", "/v1/staysx", "/healthz/", "/HEALTHZ",
    "/metrics/x",
    "/admin/policies", "/problems", "/problems/", "/problems/sold-out/", "/problems/../openapi.yaml",
  ])
  func otherPathsNameNothing(path: String) async throws {
    try await withFixture { fixture in
      for method in [HTTPMethod.get, .post] {
        let response = await fixture.call(method, path)
        #expect(response.status == 404)
        #expect(response.json["code"] as? String == "not-found")
      }
    }
  }

  @Test(arguments: [
    "x", "-1", "+1", "01", "0", "1.0", "%31", "1%", "2147483648", "99999999999999999999999", "1,2", "~",
  ])
  func anIDIsAPlainNumber(id: String) async throws {
    try await withFixture { fixture in
      for path in ["", "/coupons/me"] {
        let response = await fixture.call(.get, "/v1/policies/\(id)\(path)", [("X-User-Id", "kim")])
        #expect(response.status == 400)
        #expect(response.json["code"] as? String == "invalid-id")
      }
      #expect(await fixture.ask("kim", policy: id).status == 400)
      let isTooLargeForAPolicyOnly = id == "2147483648"
      #expect(await fixture.call(.get, "/v1/stays/\(id)").status == (isTooLargeForAPolicyOnly ? 404 : 400))
    }
  }

  @Test(arguments: [
    ("/v1/policies/1/coupons", "POST"), ("/v1/policies/1", "GET, HEAD"),
    ("/v1/policies/1/coupons/me", "GET, HEAD"),
    ("/v1/stays", "GET, HEAD"), ("/v1/stays/1", "GET, HEAD"), ("/v1/stays/1/bookings", "POST"),
    ("/healthz", "GET, HEAD"), ("/readyz", "GET, HEAD"), ("/metrics", "GET, HEAD"),
    ("/openapi.yaml", "GET, HEAD"), ("/problems/sold-out", "GET, HEAD"),
  ])
  func anotherMethodIsToldTheRightOnes(path: String, allow: String) async throws {
    try await withFixture { fixture in
      let wrong: [HTTPMethod] = [
        allow == "POST" ? .get : .post, .put, .delete, .other("OPTIONS"), .other("get"),
      ]
      for method in wrong {
        let response = await fixture.call(method, path)
        #expect(response.status == 405)
        #expect(response.header("Allow") == allow)
      }
    }
  }

  @Test(arguments: [
    ([], "X-User-Id is required."), ([""], "X-User-Id must not be empty."),
    (["a", "b"], "X-User-Id must be sent once."),
    (["a", "a"], "X-User-Id must be sent once."),
    ([String(repeating: "x", count: 65)], "X-User-Id must be at most 64 bytes long."),
    (["a b"], "X-User-Id must consist of the characters A-Z, a-z, 0-9, '.', '_' and '-'."),
    (["é"], "X-User-Id must consist of the characters A-Z, a-z, 0-9, '.', '_' and '-'."),
    (["a,b"], "X-User-Id must consist of the characters A-Z, a-z, 0-9, '.', '_' and '-'."),
  ])
  func thePersonIsNamedOnceAndPlainly(values: [String], rule: String) async throws {
    try await withFixture { fixture in
      try await fixture.createPolicy()
      let headers = values.map { ("X-User-Id", $0) }
      let calls: [(HTTPMethod, String)] = [
        (.post, "/v1/policies/1/coupons"), (.get, "/v1/policies/1/coupons/me"),
        (.post, "/v1/stays/1/bookings"),
      ]
      for (method, path) in calls {
        let response = await fixture.call(method, path, headers)
        #expect(response.status == 400)
        #expect(response.json["code"] as? String == "invalid-user-id")
        #expect(response.json["detail"] as? String == rule)
      }
    }
  }

  @Test func everyCharacterOfTheRuleIsAllowedAnd64OfThem() async throws {
    try await withFixture { fixture in
      try await fixture.createPolicy(quota: 9)
      #expect(await fixture.ask("AZaz09._-").status == 201)
      #expect(await fixture.ask(String(repeating: "x", count: 64)).status == 201)
    }
  }
}
