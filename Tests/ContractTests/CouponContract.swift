import EventLoop
import HTTP
import TestSupport
import Testing

/// The suite runs its checks one after the other: they share servers.
@Suite(.serialized, .limited) struct Contract {}

extension Contract {
  @Suite(.limited) struct Coupons {
    private static let coupon =
      #"\{"couponId":"[0-9a-f]{32}","policyId":%P,"userId":"%U","day":"\d{4}-\d\d-\d\d","rank":%R,"#
      + #""issuedAt":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"\}"#

    private static func pattern(_ policy: Int, _ user: String, _ rank: Int) -> String {
      coupon.replacing("%P", with: "\(policy)").replacing("%U", with: user.replacing(".", with: #"\."#))
        .replacing("%R", with: "\(rank)")
    }

    @Test(arguments: TargetKind.all)
    func whoeverAsksFirstGetsACoupon(kind: TargetKind) async throws {
      try await against(kind) { target in
        let policy = try await target.newPolicy(quota: 2)
        let first = try await target.ask("kim.1", policy)
        #expect(first.status == 201)
        #expect(first.headers.first("content-type") == "application/json")
        #expect(try matches(first.text, Self.pattern(policy, "kim.1", 1)), "\(first.text)")
        let second = try await target.ask("Lee_2-x", policy)
        #expect(second.status == 201)
        #expect(try matches(second.text, Self.pattern(policy, "Lee_2-x", 2)), "\(second.text)")
        let again = try await target.ask("kim.1", policy)
        #expect(again.status == 200)
        #expect(again.text == first.text)
      }
    }

    @Test(arguments: TargetKind.all)
    func aFullDayIsSoldOutAndItsHoldersKeepTheirCoupons(kind: TargetKind) async throws {
      try await against(kind) { target in
        let policy = try await target.newPolicy(quota: 1)
        let winner = try await target.ask("kim", policy)
        #expect(winner.status == 201)
        for _ in 0..<2 {
          let loser = try await target.ask("lee", policy)
          #expect(loser.status == 409)
          #expect(loser.headers.first("content-type") == "application/problem+json")
          #expect(
            loser.text
              == #"{"type":"/problems/sold-out","title":"Today's coupons are sold out","status":409,"#
              + #""code":"sold-out"}"#)
        }
        let again = try await target.ask("kim", policy)
        #expect(again.status == 200)
        #expect(again.text == winner.text)
      }
    }

    @Test(arguments: TargetKind.all)
    func outsideTheHoursNothingIsIssued(kind: TargetKind) async throws {
      try await against(kind) { target in
        // It is about noon there.
        let tonight = try await target.newPolicy(quota: 1, opensAt: "23:30:00")
        let tomorrow = try await target.newPolicy(quota: 1, first: 1, last: 3)
        let over = try await target.newPolicy(quota: 1, first: -5, last: -2)
        for policy in [tonight, tomorrow] {
          let response = try await target.ask("kim", policy)
          #expect(response.status == 403)
          #expect(response.headers.first("content-type") == "application/problem+json")
          let form =
            #"\{"type":"/problems/not-open","title":"The policy is not open","status":403,"code":"not-open","#
            + #""opensAt":"\d{4}-\d\d-\d\dT\d\d:(30|00):00\.000000Z"\}"#
          #expect(try matches(response.text, form), "\(response.text)")
        }
        let late = try await target.ask("kim", over)
        #expect(late.status == 403)
        #expect(late.text.hasSuffix(#""code":"not-open","opensAt":null}"#))
        #expect(try await target.get("/v1/policies/\(over)/coupons/me", user: "kim").code == "no-coupon")
      }
    }

    @Test(arguments: TargetKind.all)
    func aPersonSeesTheirOwnCouponOnly(kind: TargetKind) async throws {
      try await against(kind) { target in
        let policy = try await target.newPolicy(quota: 5)
        let mine = try await target.ask("kim", policy)
        let shown = try await target.get("/v1/policies/\(policy)/coupons/me", user: "kim")
        #expect(shown.status == 200)
        #expect(shown.text == mine.text)
        let nobody = try await target.get("/v1/policies/\(policy)/coupons/me", user: "lee")
        #expect(nobody.status == 404)
        #expect(nobody.code == "no-coupon")
        #expect(try await target.get("/v1/policies/\(policy)/coupons/me", user: "KIM").status == 404)
        let other = try await target.newPolicy(quota: 5)
        #expect(try await target.get("/v1/policies/\(other)/coupons/me", user: "kim").status == 404)
        #expect(try await target.ask("kim", other).json["rank"] as? Int == 1)
      }
    }

    @Test(arguments: TargetKind.all)
    func thePolicyTellsHowItsDayStands(kind: TargetKind) async throws {
      try await against(kind) { target in
        let policy = try await target.newPolicy(quota: 3)
        for user in ["kim", "lee", "kim"] { _ = try await target.ask(user, policy) }
        let response = try await target.get("/v1/policies/\(policy)")
        #expect(response.status == 200)
        let moment = #""\d{4}-\d\d-\d\dT\d\d:00:00\.000000Z""#
        let date = #""\d{4}-\d\d-\d\d""#
        let form =
          #"\{"policyId":\#(policy),"name":"Contract","startsOn":\#(date),"endsOn":\#(date),"#
          + #""opensAt":"00:00:00","timeZone":"Etc/GMT([+-]\d+)?","dailyQuota":3,"perPerson":"once","#
          + #""today":\{"day":\#(date),"startsAt":\#(moment),"opensAt":\#(moment),"endsAt":\#(moment),"#
          + #""isOpen":true,"nextOpeningAt":\#(moment),"quota":3,"issued":2,"remaining":1\}\}"#
        #expect(try matches(response.text, form), "\(response.text)")
      }
    }

    @Test(arguments: TargetKind.all)
    func anUnknownPolicyIsNotFoundAndABrokenIDIsRefused(kind: TargetKind) async throws {
      try await against(kind) { target in
        for path in ["/coupons", "", "/coupons/me"] {
          let method = path == "/coupons" ? HTTPMethod.post : .get
          let unknown = try await target.call(
            method, "/v1/policies/2147483647\(path)", [("X-User-Id", "kim")])
          #expect(unknown.status == 404)
          #expect(unknown.code == "no-such-policy")
          for id in ["x", "0", "-1", "2147483648", "99999999999999999999", "%31", "01"] {
            let broken = try await target.call(method, "/v1/policies/\(id)\(path)", [("X-User-Id", "kim")])
            #expect(broken.status == 400, "\(id)\(path)")
            #expect(broken.code == "invalid-id")
          }
        }
      }
    }

    @Test(arguments: TargetKind.all)
    func thePersonMustBeNamedByTheRules(kind: TargetKind) async throws {
      try await against(kind) { target in
        let policy = try await target.newPolicy(quota: 5)
        let long = String(repeating: "x", count: 65)
        let wrong: [([String], String)] = [
          ([], "required"), ([""], "empty"), (["a", "b"], "once"), ([long], "64"), (["a b"], "characters"),
          (["김"], "characters"), (["a'--"], "characters"),
        ]
        for (values, rule) in wrong {
          let headers = values.map { ("X-User-Id", $0) }
          let response = try await target.call(.post, "/v1/policies/\(policy)/coupons", headers)
          #expect(response.status == 400)
          #expect(response.code == "invalid-user-id")
          #expect((response.json["detail"] as? String)?.contains(rule) == true, "\(response.text)")
        }
        #expect(try await target.ask(String(long.dropLast()), policy).status == 201)
        #expect(try await target.get("/v1/policies/\(policy)").text.contains(#""issued":1"#))
      }
    }
  }
}
