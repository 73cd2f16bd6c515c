import EventLoop
import Foundation
import HTTP
import TestSupport
import Testing

extension EDATests {
  @Suite(.limited) struct PolicyIDs {
    /// One policy with the last number there is must not end the making of policies.
    @Test(.timeLimit(.minutes(3))) func theLastNumberIsFollowedByTheLowestFreeOne() async throws {
      try await onLoop {
        let stage = try await Stage()
        try await stage.startAPI()
        let api = try #require(stage.apis.last)
        func create(_ id: Int?) async throws -> HTTPClientResponse {
          var body = Midday.policy(quota: 1, perPerson: "once")
          if let id { body = "{\"policyId\":\(id)," + body.dropFirst() }
          return try await api.admin.send(
            HTTPRequest(
              .post, "/admin/policies", headers: [("Authorization", "Bearer \(Stage.token)")],
              body: Array(body.utf8)),
            deadline: .now + .seconds(20))
        }
        #expect(try await create(1).status == 201)
        #expect(try await create(2_147_483_647).status == 201)
        #expect(try await create(3).status == 201)
        var chosen: [Int?] = []
        for _ in 0..<3 { chosen.append(try await create(nil).object["policyId"] as? Int) }
        #expect(chosen == [2, 4, 5])
        await stage.end()
      }
    }
  }
}
