package import EventLoop
import Foundation
package import HTTP
import Terminal

/// A policy as the operator's call takes it.
package struct PolicyRequest: Codable, Hashable, Sendable {
  package var policyId: Int?
  package var name: String
  package var startsOn: String
  package var endsOn: String
  package var opensAt: String
  package var timeZone: String
  package var dailyQuota: Int
  package var perPerson: String

  package init(
    policyId: Int? = nil, name: String, startsOn: String, endsOn: String, opensAt: String, timeZone: String,
    dailyQuota: Int, perPerson: String
  ) {
    (self.policyId, self.name, self.startsOn, self.endsOn) = (policyId, name, startsOn, endsOn)
    (self.opensAt, self.timeZone, self.dailyQuota) = (opensAt, timeZone, dailyQuota)
    self.perPerson = perPerson
  }
}

/// Calls of the operator's listener of one program.
@LoopActor
package struct Operator {
  private let address: SocketAddress
  private let token: String

  package init(_ part: LabState.Part, of state: LabState) {
    (address, token) = (part.operatorAddress, state.adminToken)
  }

  /// The answer, whatever its status.
  ///
  /// - Throws: `LabFailure` where none came.
  package func call(
    _ method: HTTPMethod, _ target: String, body: [UInt8] = [], headers extra: [(String, String)] = [],
    within limit: Duration = .seconds(15)
  ) async throws -> (status: Int, body: [UInt8]) {
    let headers = [("Authorization", "Bearer \(token)"), ("Content-Type", "application/json")] + extra
    let answer = try await HTTPClient.ask(
      address, HTTPRequest(method, target, headers: headers, body: body), within: limit)
    return (answer.status, answer.body)
  }

  /// Creates a policy, or finds the same one there; returns it with its number.
  package func create(_ policy: PolicyRequest) async throws -> PolicyRequest {
    let answer = try await call(.post, "/admin/policies", body: Array(try JSONEncoder().encode(policy)))
    guard answer.status == 201 || answer.status == 200,
      let created = try? JSONDecoder().decode(PolicyRequest.self, from: Data(answer.body))
    else { throw LabFailure("the policy was not created: \(answer.status) \(Operator.oneLine(answer.body))") }
    return created
  }

  package static func oneLine(_ body: [UInt8]) -> String {
    String(decoding: body.prefix(500), as: UTF8.self).split(whereSeparator: \.isNewline).joined(
      separator: " ")
  }
}
