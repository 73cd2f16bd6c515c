package import CouponDomain
import CouponStore
import EventLoop
import Redis
import Terminal
package import Text

extension Lab {
  /// How many people Redis has admitted on a day, by the set that the event-driven API keeps there.
  ///
  /// - Throws: `LabFailure` where there is no Redis, and what Redis' client throws.
  package func admittedPeople(of policy: PolicyID, on day: Day) async throws -> Int {
    guard let server = state.redis else { throw LabFailure("this laboratory has no Redis") }
    let client = RedisAccess(configuration: try server.redis(), name: "lab")
    client.start()
    defer { client.close() }
    let deadline = Instant.now + .seconds(10)
    try await client.connected(deadline: deadline)
    let set = Names.issuedUsers(of: policy, on: day, prefix: state.keyPrefix)
    return Int(try await client.command(["SCARD", set], deadline: deadline).integer ?? 0)
  }
}
