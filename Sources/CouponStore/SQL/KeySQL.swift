import CouponDomain
package import EventLoop
package import Postgres

/// Reads and writes of `coupon_key`: under which `COUPON_KEY` the tables were filled.
///
/// A program with another key would derive other ids for the same coupons: a worker would take every claim for a forgery.
package enum KeySQL {
  private static let stored = PostgresStatement("SELECT hash FROM coupon_key")
  private static let insert = PostgresStatement("INSERT INTO coupon_key (hash) VALUES ($1)")
  /// The event that created each policy, found by the table's key: a look through all events may take longer than a
  /// program waits.
  private static let policies = PostgresStatement(
    """
    SELECT created.payload FROM policy CROSS JOIN LATERAL (
      SELECT type, payload FROM coupon_event WHERE coupon_event.policy_id = policy.policy_id
      ORDER BY sequence LIMIT 1) AS created
    WHERE created.type = $1
    """)

  /// Makes sure that the tables are of this key, and writes that down where nothing is written yet. Tables from before
  /// that know the key by the events of their policies.
  ///
  /// - Throws: `SchemaError.otherKey`.
  @LoopActor
  static func keep(_ key: CouponKey, in transaction: PostgresTransaction) async throws -> [SQLCall] {
    let known = try await transaction.run([(stored, [])])[0]
    guard known.count == 0 else {
      guard known.bytes(0, 0) == key.hash else { throw SchemaError.otherKey }
      return []
    }
    let events = try await transaction.run([(policies, [.text(LogCodec.policyType)])])[0]
    for row in 0..<events.count {
      guard let payload = events.bytes(row, 0),
        case .policyCreated(let created)? = try? LogCodec.decode(payload)
      else { throw SchemaError.corruptRow(table: "coupon_event") }
      guard created.keyHash == key.keyHash(of: created.policy.id) else { throw SchemaError.otherKey }
    }
    return [(insert, [.bytes(key.hash)])]
  }

  /// Whether the tables were filled under another key; false where they do not say.
  @LoopActor
  package static func isOther(
    than key: CouponKey, in pool: PostgresPool, deadline: Instant
  ) async throws(PostgresError) -> Bool {
    do {
      let rows = try await pool.query(stored, [], deadline: deadline)
      return rows.count > 0 && rows.bytes(0, 0) != key.hash
    } catch  where error.sqlState == "42P01" {
      // No such table: nothing was filled, or by a program from before it.
      return false
    }
  }
}
