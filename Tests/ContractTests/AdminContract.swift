import CouponDomain
import EventLoop
import HTTP
import TestSupport
import Testing
import Text

extension Contract {
  @Suite(.limited) struct Operator {
    @Test(arguments: TargetKind.all)
    func aPolicyIsCreatedOnceUnderItsID(kind: TargetKind) async throws {
      try await against(kind) { target in
        let known = try await target.newPolicy(quota: 1)
        let id = known + 1_000
        let body = Middays.policy(id: id, name: "Named \\\"한글\\\"", quota: 5)
        let created = try await target.callAdmin(.post, "/admin/policies", body: body)
        #expect(created.status == 201)
        #expect(created.headers.first("location") == "/v1/policies/\(id)")
        let date = #""\d{4}-\d\d-\d\d""#
        let form =
          #"\{"policyId":\#(id),"name":"Named \\"한글\\"","startsOn":\#(date),"endsOn":\#(date),"#
          + #""opensAt":"00:00:00","timeZone":"Etc/GMT([+-]\d+)?","dailyQuota":5,"perPerson":"once"\}"#
        #expect(try matches(created.text, form), "\(created.text)")
        let again = try await target.callAdmin(.post, "/admin/policies", body: body)
        #expect(again.status == 200)
        #expect(again.text == created.text)
        let other = Middays.policy(id: id, name: "Another", quota: 5)
        let conflict = try await target.callAdmin(.post, "/admin/policies", body: other)
        #expect(conflict.status == 409)
        #expect(conflict.code == "policy-exists")
        #expect(try await target.newPolicy(quota: 1) == id + 1)
      }
    }

    @Test(arguments: TargetKind.all)
    func whatBreaksARuleNamesItsField(kind: TargetKind) async throws {
      try await against(kind) { target in
        let body = Middays.policy(quota: 5)
        let wrong = [
          ("\"dailyQuota\":5", "\"dailyQuota\":0", "dailyQuota"),
          ("Etc/GMT", "Etc/Nowhere", "timeZone"),
          ("\"name\"", "\"colour\":1,\"name\"", "colour"),
          ("\"startsOn\":\"", "\"startsOn\":\"9", "startsOn"),
          ("\"once\"", "\"twice\"", "perPerson"), ("{", "", "body"), ("}", "", "body"),
        ]
        for (text, replacement, field) in wrong {
          let response = try await target.callAdmin(
            .post, "/admin/policies", body: body.replacing(text, with: replacement))
          #expect(response.status == 400)
          #expect(response.code == "invalid-policy")
          #expect(response.json["field"] as? String == field, "\(response.text)")
        }
        let backwards = try await target.callAdmin(
          .post, "/admin/policies", body: Middays.policy(quota: 5, first: 2, last: 1))
        #expect(backwards.json["field"] as? String == "endsOn")
      }
    }

    /// JSON knows numbers, not ways to write them; and a name is counted in characters, not in bytes.
    @Test(arguments: TargetKind.all)
    func numbersAndNamesAreWhatTheContractSays(kind: TargetKind) async throws {
      try await against(kind) { target in
        let name = String(repeating: "쿠", count: 200)
        let named = Middays.policy(name: name, quota: 5).replacing(
          #""dailyQuota":5"#, with: #""dailyQuota":0.5e1"#)
        let created = try await target.callAdmin(.post, "/admin/policies", body: named)
        #expect(created.status == 201, "\(created.text)")
        #expect(created.json["dailyQuota"] as? Int == 5)
        #expect(created.json["name"] as? String == name)
        let longer = named.replacing(name, with: name + "쿠")
        #expect(
          try await target.callAdmin(.post, "/admin/policies", body: longer).json["field"] as? String
            == "name")
        for quota in ["5.5", "1e99", "\"5\"", "true"] {
          let wrong = Middays.policy(quota: 5).replacing(#""dailyQuota":5"#, with: "\"dailyQuota\":\(quota)")
          let answer = try await target.callAdmin(.post, "/admin/policies", body: wrong)
          #expect(answer.json["field"] as? String == "dailyQuota", "\(answer.text)")
        }
      }
    }

    /// Of a day in the year 9999 the next opening may be in the year 10000, which no date-time can say.
    @Test(arguments: TargetKind.all, ["0589-01-01", "1969-12-31", "9999-01-01"])
    func daysAreInYearsThatEveryMomentOfThemHas(kind: TargetKind, day: String) async throws {
      try await against(kind) { target in
        let yesterday = "\"startsOn\":\"\(Middays.today.advanced(by: -1))\""
        let body = Middays.policy(quota: 5).replacing(yesterday, with: "\"startsOn\":\"\(day)\"")
        let answer = try await target.callAdmin(.post, "/admin/policies", body: body)
        #expect(answer.status == 400)
        #expect(answer.json["field"] as? String == "startsOn", "\(answer.text)")
      }
    }

    @Test(arguments: TargetKind.all)
    func withoutTheTokenNothingIsAnswered(kind: TargetKind) async throws {
      try await against(kind) { target in
        for token in [nil, "", "wrong", Target.token + "x"] {
          for path in ["/admin/policies", "/admin/policies/1/events", "/", "/admin/faults"] {
            let response = try await target.callAdmin(.post, path, body: "{}", token: token)
            #expect(response.status == 401)
            #expect(response.headers.first("www-authenticate")?.hasPrefix("Bearer ") == true)
            #expect(response.code == "unauthorized")
          }
        }
        let publicly = try await target.call(
          .post, "/admin/policies", [("Authorization", "Bearer \(Target.token)")], Middays.policy(quota: 1))
        #expect(publicly.status == 404)
      }
    }

    /// Of the event-driven version the worker records them, and this API has no peer.
    @Test(arguments: TargetKind.durable)
    func theCouponCodeIsBrokenWhereItRecords(kind: TargetKind) async throws {
      try await against(kind) { target in
        let (path, recordsThem) = ("/admin/faults/coupons", ![.eda, .edaOnKafka].contains(kind))
        let put = try await target.callAdmin(
          .put, path, body: #"{"kind":"error","prefix":"nobody-","ttlSeconds":5}"#)
        guard recordsThem else {
          #expect(put.status == 404 && put.code == "not-used")
          return
        }
        let form =
          #"\{"fault":\{"target":"coupons","kind":"error","prefix":"nobody-","ttlSeconds":5.0,"#
          + #""remainingSeconds":[0-9.]+,"bites":0\},"peers":\[\]\}"#
        #expect(try put.status == 200 && matches(put.text, form), "\(put.text)")
        for body in [#"{"kind":"outage","ttlSeconds":5}"#, #"{"kind":"crash","ttlSeconds":5}"#] {
          let wrong = try await target.callAdmin(.put, path, body: body)
          #expect(wrong.status == 400 && wrong.code == "invalid-fault", "\(wrong.text)")
        }
        #expect(try await target.callAdmin(.delete, path).status == 200)
      }
    }

    @Test(arguments: TargetKind.all)
    func theEventStreamHoldsEveryWinner(kind: TargetKind) async throws {
      try await against(kind) { target in
        let policy = try await target.newPolicy(quota: 3)
        for user in ["kim", "lee", "park", "choi", "kim"] { _ = try await target.ask(user, policy) }
        try await target.ledger?.lagIsZero()
        let path = "/admin/policies/\(policy)/events"
        let all = try await target.callAdmin(.get, path)
        #expect(all.status == 200)
        #expect(all.headers.first("content-type") == "application/x-ndjson")
        let lines = all.text.split(separator: "\n").map(String.init)
        let issued = lines.filter { $0.contains(#""type":"CouponIssued""#) }
        #expect(issued.count == 3)
        for (index, user) in ["kim", "lee", "park"].enumerated() where index < issued.count {
          let form =
            #"\{"sequence":\d+,"rank":\#(index + 1),"recordedAt":"[^"]+Z","event":\{.*"userId":"\#(user)".*\}\}"#
          #expect(try matches(issued[index], form), "\(issued[index])")
        }
        #expect(lines.count == 4)
        #expect(lines.first?.contains(#""type":"PolicyCreated""#) == true)
        let sequences = try lines.map { line in
          try #require(Int(line.dropFirst(#"{"sequence":"#.count).prefix { $0.isNumber }))
        }
        #expect(sequences == sequences.sorted())
        let rest = try await target.callAdmin(.get, "\(path)?after=\(sequences[1])")
        #expect(rest.text.split(separator: "\n").map(String.init) == Array(lines.dropFirst(2)))
        #expect(try await target.callAdmin(.get, "\(path)?after=x").status == 400)
        #expect(try await target.callAdmin(.get, "/admin/policies/2147483647/events").status == 404)
        #expect(try await target.callAdmin(.get, "/admin/policies/x/events").status == 400)
      }
    }

    @Test(arguments: TargetKind.all)
    func wrongMethodsAndPathsAreTold(kind: TargetKind) async throws {
      try await against(kind) { target in
        let get = try await target.callAdmin(.get, "/admin/policies")
        #expect(get.status == 405)
        #expect(get.headers.first("allow") == "POST")
        #expect(
          try await target.callAdmin(.post, "/admin/policies/1/events").headers.first("allow") == "GET, HEAD")
        #expect(try await target.callAdmin(.get, "/admin/policies/").status == 404)
      }
    }
  }
}
