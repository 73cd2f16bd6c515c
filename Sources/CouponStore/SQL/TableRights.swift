package import Postgres

/// The least that each program needs on its tables, once somebody else has made them; the same grants as in
/// docs/security.md.
package enum TableRights: String, CaseIterable, Sendable {
  case monolith
  /// It alone writes coupons.
  case worker
  /// Stays and bookings, the event stream, and the question whether a log was lost.
  case api

  /// Of the role in docs/security.md.
  package var role: String { "timeattack_\(rawValue)" }

  /// Repeating them has no effect.
  ///
  /// - Parameter role: letters, digits and underscores.
  package func grants(to role: String, in schema: Schema) -> [PostgresStatement] {
    let tables = { (names: [String]) in names.map { "\(schema.name).\($0)" }.joined(separator: ", ") }
    let all = [
      "GRANT USAGE ON SCHEMA \(schema.name) TO \(role)",
      "GRANT SELECT ON ALL TABLES IN SCHEMA \(schema.name) TO \(role)",
      "GRANT INSERT ON \(tables(inserts)) TO \(role)",
    ]
    let updates = updates.map { "GRANT UPDATE (\($0.columns)) ON \(schema.name).\($0.table) TO \(role)" }
    return (all + updates).map { PostgresStatement($0) }
  }

  private var inserts: [String] {
    switch self {
    case .monolith: ["policy", "policy_day", "coupon", "coupon_event", "booking"]
    case .worker: ["policy", "policy_day", "coupon", "coupon_event", "consumer_offset", "dead_letter"]
    case .api: ["booking"]
    }
  }

  private var updates: [(table: String, columns: String)] {
    switch self {
    case .monolith: [("policy_day", "issued"), ("stay", "rooms_left")]
    case .worker: [("policy_day", "issued"), ("consumer_offset", "next_offset, first_hash")]
    case .api: [("stay", "rooms_left")]
    }
  }
}
