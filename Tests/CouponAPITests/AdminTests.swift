import CouponAPI
import EventLoop
import HTTP
import TestSupport
import Testing

@Suite(.limited) struct AdminTests {
  private static let policy =
    #"{"policyId":7,"name":"Autumn","startsOn":"2026-11-01","endsOn":"2026-11-30","opensAt":"10:00","#
    + #""timeZone":"Asia/Seoul","dailyQuota":3,"perPerson":"daily"}"#

  private static func policy(replacing text: String, with other: String) -> String {
    policy.replacing(text, with: other)
  }

  @Test func thePolicyIsAnsweredAsItIsKept() async throws {
    try await withFixture { fixture in
      let created = await fixture.callAdmin(.post, "/admin/policies", body: Self.policy)
      #expect(created.status == 201)
      #expect(created.header("Location") == "/v1/policies/7")
      #expect(
        created.text
          == #"{"policyId":7,"name":"Autumn","startsOn":"2026-11-01","endsOn":"2026-11-30","opensAt":"10:00:00","#
          + #""timeZone":"Asia/Seoul","dailyQuota":3,"perPerson":"daily"}"#)
      let again = await fixture.callAdmin(.post, "/admin/policies", body: Self.policy)
      #expect(again.status == 200)
      #expect(again.body == created.body)
      let other = Self.policy(replacing: "Autumn", with: "Winter")
      let conflict = await fixture.callAdmin(.post, "/admin/policies", body: other)
      #expect(conflict.status == 409)
      #expect(conflict.json["code"] as? String == "policy-exists")
      let next = Self.policy(replacing: #""policyId":7,"#, with: "")
      #expect(await fixture.callAdmin(.post, "/admin/policies", body: next).json["policyId"] as? Int == 8)
    }
  }

  @Test(arguments: [
    (#""dailyQuota":3"#, #""dailyQuota":0"#, "dailyQuota"),
    (#""dailyQuota":3"#, #""dailyQuota":-1"#, "dailyQuota"),
    (#""dailyQuota":3"#, #""dailyQuota":1.5"#, "dailyQuota"),
    (#""dailyQuota":3"#, #""dailyQuota":1e9"#, "dailyQuota"),
    (#""dailyQuota":3"#, #""dailyQuota":"3""#, "dailyQuota"),
    (#""dailyQuota":3,"#, "", "dailyQuota"), (#""dailyQuota":3"#, #""dailyQuota":10000001"#, "dailyQuota"),
    ("2026-11-30", "2026-10-31", "endsOn"), ("2026-11-30", "2026-11-31", "endsOn"),
    ("2026-11-01", "0589-11-01", "startsOn"), ("2026-11-30", "9999-11-30", "endsOn"),
    ("2026-11-01", "1.11.2026", "startsOn"), ("2026-11-30", "2999-11-30", "endsOn"),
    ("Asia/Seoul", "Asia/Nowhere", "timeZone"), ("Asia/Seoul", "GMT+9", "timeZone"),
    ("Asia/Seoul", "", "timeZone"),
    ("10:00", "25:00", "opensAt"), ("10:00", "10", "opensAt"), ("daily\"", "weekly\"", "perPerson"),
    ("Autumn", "", "name"), ("\"Autumn\"", "null", "name"),
    ("Autumn", String(repeating: "x", count: 201), "name"),
    ("\"policyId\":7", "\"policyId\":0", "policyId"),
    ("\"policyId\":7", "\"policyId\":2147483648", "policyId"),
    ("\"policyId\":7", "\"policyId\":\"7\"", "policyId"), ("\"policyId\":7", "\"colour\":7", "colour"),
    ("\"policyId\":7", "\"name\":\"twice\"", "body"), ("{", "[", "body"), ("}", "}{}", "body"),
    ("Autumn", "A\u{1}", "body"), ("Autumn", "\\ud800", "body"),
  ])
  func whatBreaksARuleNamesTheField(text: String, other: String, field: String) async throws {
    try await withFixture { fixture in
      let body = Self.policy(replacing: text, with: other)
      let response = await fixture.callAdmin(.post, "/admin/policies", body: body)
      #expect(response.status == 400)
      #expect(response.json["code"] as? String == "invalid-policy")
      #expect(response.json["field"] as? String == field, "\(response.text)")
    }
  }

  @Test(arguments: [nil, "", "wrong", Fixture.token + "x", String(Fixture.token.dropLast())])
  func nobodyCallsWithoutTheToken(token: String?) async throws {
    try await withFixture { fixture in
      for path in ["/admin/policies", "/admin/policies/1/events", "/nothing"] {
        let response = await fixture.callAdmin(.post, path, body: Self.policy, token: token)
        #expect(response.status == 401)
        #expect(response.header("WWW-Authenticate")?.hasPrefix("Bearer realm=") == true)
      }
      #expect(await fixture.call(.get, "/v1/policies/7").status == 404)
    }
  }

  @Test func otherSchemesAndASecondHeaderAreRefused() async throws {
    try await withFixture { fixture in
      let good = ("Authorization", "bearer \(Fixture.token)")
      for headers in [
        [("Authorization", "Basic \(Fixture.token)")], [good, good], [("Authorization", Fixture.token)],
      ] {
        let request = HTTPRequest(.get, "/admin/policies/1/events", headers: headers)
        #expect(await fixture.admin.handle(request).value().status == 401)
      }
      let request = HTTPRequest(.get, "/admin/policies/1/events", headers: [good])
      #expect(await fixture.admin.handle(request).value().status == 404)
    }
  }

  @Test func theEventStreamIsOneEventALine() async throws {
    try await withFixture { fixture in
      try await fixture.createPolicy(quota: 5)
      for user in ["kim", "lee", "park"] { _ = await fixture.ask(user) }
      let all = await fixture.callAdmin(.get, "/admin/policies/1/events")
      #expect(all.status == 200)
      #expect(all.contentType == "application/x-ndjson")
      let lines = all.text.split(separator: "\n")
      #expect(lines.count == 4)
      #expect(lines[0].hasPrefix(#"{"sequence":1,"rank":null,"recordedAt":""#))
      #expect(lines[1].contains(#""rank":1"#) && lines[1].contains(#""userId":"kim""#))
      let rest = await fixture.callAdmin(.get, "/admin/policies/1/events?x=1&after=3")
      #expect(rest.text.split(separator: "\n") == [lines[3]])
      #expect(await fixture.callAdmin(.get, "/admin/policies/1/events?after=4").text.isEmpty)
      for after in ["-1", "x", "", "1.5", "99999999999999999999"] {
        #expect(await fixture.callAdmin(.get, "/admin/policies/1/events?after=\(after)").status == 400)
      }
    }
  }
}
