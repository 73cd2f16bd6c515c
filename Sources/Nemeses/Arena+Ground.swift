import History
import CouponDomain
import CouponStore
import EventLoop
import Kafka
import Laboratory
import Postgres
import Terminal

/// What a nemesis puts between the programs and their servers.
extension Arena {
  /// Puts a relay before the private database; returns the setting that leads there.
  func relayDatabase() throws -> [String: String] {
    guard let server = lab.state.database else { return [:] }
    return try relay(.postgres, "DATABASE_URL", server.url)
  }

  /// - Returns: the setting with the relay's port in the place of the server's.
  func relay(_ part: LabPart, _ setting: String, _ url: String) throws -> [String: String] {
    guard let port = lab.state.part(part)?.port, port > 0 else {
      throw LabFailure("\(part.rawValue) is not private: nothing can be put before it")
    }
    let relay = try Relay(to: SocketAddress(numericHost: "127.0.0.1", port: port))
    relays[part] = relay
    return [setting: url.replacing(":\(port)/", with: ":\(relay.port)/")]
  }

  /// Coupons in the tables of the event-driven version.
  func issued() async throws -> Int {
    let pool = try lab.state.pool(of: .eda)
    defer { EventLoop.shared.spawn { await pool.close() } }
    let rows = try await pool.query(
      PostgresStatement("SELECT count(*) FROM coupon"), [], deadline: .now + .seconds(10))
    return Int(rows.int(0, 0) ?? 0)
  }

  /// The partition of the round's policy; nil without the event-driven version.
  var partition: Int? {
    policies[.eda].map {
      Int(murmur2Partition(key: Names.logKey(of: $0), partitions: lab.state.log?.partitions ?? 1))
    }
  }
}
