import CouponDomain
import CouponStore
import EventLoop
import Redis
import Text

/// Reads whom Redis has admitted: shown beside the other ledgers, never believed.
@LoopActor
enum GateReader {
  /// Nil where Redis does not answer: nothing depends on it.
  static func read(_ state: LabState, _ policy: Policy, days: Set<Day>) async -> GateEvidence? {
    guard let server = state.redis, let configuration = try? RedisConfiguration(url: server.url) else {
      return nil
    }
    let client = RedisClient(configuration: configuration, name: "lab")
    client.start()
    defer { client.close() }
    do {
      try await client.connected(deadline: .now + .seconds(5))
      var members: [Day: Set<String>] = [:]
      for day in days {
        members[day] = try await scan(
          client, Names.issuedUsers(of: policy.id, on: day, prefix: state.keyPrefix))
      }
      return GateEvidence(members: members)
    } catch { return nil }
  }

  private static func scan(_ client: RedisClient, _ key: String) async throws -> Set<String> {
    var members: Set<String> = []
    var cursor = "0"
    repeat {
      let reply = try await client.command(
        ["SSCAN", key, cursor, "COUNT", "1000"], deadline: .now + .seconds(10))
      guard case .array(let parts) = reply, parts.count == 2, let next = parts[0].text,
        case .array(let names) = parts[1]
      else { throw LabFailure("Redis answered SSCAN with something else") }
      members.formUnion(names.compactMap(\.text))
      cursor = next
    } while cursor != "0"
    return members
  }
}
