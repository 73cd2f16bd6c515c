import CouponDomain
import CouponStore
import EventLoop
import Redis
import Text
import Terminal
import Verify

/// Reads the members of Redis' sets: shown beside the other ledgers, no evidence.
@LoopActor
enum GateReader {
  /// Nil where Redis does not answer: nothing depends on it.
  static func read(_ state: LabState, _ policy: Policy, days: Set<Day>) async -> GateEvidence? {
    guard let server = state.redis, let configuration = try? server.redis() else {
      return nil
    }
    let client = RedisAccess(configuration: configuration, name: "lab")
    client.start()
    defer { client.close() }
    do {
      try await client.connected(deadline: .now + .seconds(5))
      var members: [Day: Set<String>] = [:]
      for day in days {
        let key = Names.issuedUsers(of: policy.id, on: day, prefix: state.keyPrefix)
        try await client.scan({ ["SSCAN", key, $0, "COUNT", "1000"] }) {
          members[day, default: []].formUnion($0)
        }
      }
      return GateEvidence(members: members)
    } catch { return nil }
  }
}
