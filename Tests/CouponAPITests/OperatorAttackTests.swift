import CouponAPI
import EventLoop
import HTTP
import Secrets
import TestSupport
import Testing

/// The operator's listener as somebody who is not the operator meets it.
@Suite(.limited) struct OperatorAttackTests {
  /// A page in the operator's browser that made its own name lead to the listener, with the token or without.
  @Test(arguments: [
    "example.com", "example.com:8091", "localhost.example.com", "127.0.0.1.example.com", "[::1].example.com",
    "",
    "127.1", "0x7f.0.0.1", "127.0.0.1@example.com",
  ])
  func aReboundNameIsRefusedBeforeTheToken(host: String) async throws {
    try await withFixture { fixture in
      for token in [nil, Fixture.token] {
        for path in ["/admin/policies/1/events", "/admin/faults", "/problems/unauthorized", "/nothing"] {
          let answer = await call(fixture, .get, path, host: host, token: token)
          #expect(answer.status == 421, "\(path)")
          #expect(answer.json["code"] as? String == "wrong-host")
        }
      }
    }
  }

  @Test(arguments: [
    "127.0.0.1", "127.0.0.1:8091", "localhost", "LOCALHOST:1", "[::1]", "[::1]:8091", "192.0.2.7:1",
  ])
  func addressesAndLocalhostAreAnswered(host: String) async throws {
    try await withFixture { fixture in
      #expect(await call(fixture, .get, "/admin/policies/1/events", host: host).status == 404)
      #expect(await call(fixture, .get, "/admin/policies/1/events", host: host, token: nil).status == 401)
    }
  }

  /// What a page of another origin can make a browser send without asking first: no such request does anything, and the
  /// browser's question beforehand is not answered with a permission.
  @Test func anotherOriginIsNotAllowedAnything() async throws {
    try await withFixture { fixture in
      let origin = [("Origin", "https://example.com"), ("Sec-Fetch-Site", "cross-site")]
      let form = [("Content-Type", "text/plain")]
      let body =
        #"{"name":"x","startsOn":"2026-11-01","endsOn":"2026-11-30","opensAt":"10:00","#
        + #""timeZone":"UTC","dailyQuota":3,"perPerson":"daily"}"#
      let posted = await call(
        fixture, .post, "/admin/policies", host: "127.0.0.1", token: nil, headers: origin + form, body: body)
      #expect(posted.status == 401)
      let preflight = await call(
        fixture, .other("OPTIONS"), "/admin/policies", host: "127.0.0.1", token: nil,
        headers: origin + [
          ("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "authorization"),
        ])
      #expect(preflight.status == 401)
      for answer in [posted, preflight] {
        #expect(!answer.headers.contains { $0.0.lowercased().hasPrefix("access-control-") })
      }
      #expect(await fixture.callAdmin(.get, "/admin/policies/1/events").status == 404, "no policy was made")
    }
  }

  /// The comparison is of hashes under a key of this process, by a function that looks at every byte. How long it takes
  /// is not measured here; that a candidate of any length and any shared beginning takes the same path is.
  @Test func theTokenIsComparedAsAHash() {
    let secret = Fixture.token
    let token = SecretToken(secret)
    #expect(token.matches(secret))
    #expect("\(token)" == "(secret)")
    let near = [
      String(secret.dropLast()), secret + " ", secret.uppercased(), "", String(repeating: "x", count: 8_000),
    ]
    for candidate in near { #expect(!token.matches(candidate)) }
  }

  @LoopActor
  private func call(
    _ fixture: Fixture, _ method: HTTPMethod, _ path: String, host: String, token: String? = Fixture.token,
    headers: [(String, String)] = [], body: String = ""
  ) async -> HTTPResponse {
    let authorization = token.map { [("Authorization", "Bearer \($0)")] } ?? []
    let request = HTTPRequest(
      method, path, headers: [("Host", host)] + authorization + headers, body: Array(body.utf8))
    return await fixture.admin.handle(request).value()
  }
}
