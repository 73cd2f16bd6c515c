package import CouponDomain
package import EventLoop
package import Postgres
package import Text

/// One row of the append-only stream.
package struct EventRow: Hashable, Sendable {
  package let sequence: Int64
  package let eventID: EventID
  package let policyID: PolicyID
  package let rank: Int?
  /// The JSON of the log, byte for byte.
  package let payload: [UInt8]
  package let recordedAt: Timestamp
}

/// Reads and writes of `coupon_event`.
package enum EventSQL {
  private static let insertOne = PostgresStatement(
    """
    INSERT INTO coupon_event (event_id, policy_id, day, user_id, rank, type, payload)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    """)

  private static let columns = "sequence, event_id, policy_id, rank, payload, recorded_at"

  private static let ofPolicy = PostgresStatement(
    "SELECT \(columns) FROM coupon_event WHERE policy_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3")

  private static let policies = PostgresStatement(
    "SELECT DISTINCT policy_id FROM coupon_event ORDER BY policy_id")

  private static let counts = PostgresStatement(
    "SELECT count(*), coalesce(max(sequence), 0) FROM coupon_event")

  package static func insert(_ coupon: Coupon) -> SQLCall {
    let claim = coupon.claim
    return (
      insertOne,
      [
        .text(claim.eventID.description), .init(claim.policyID), .init(claim.day), .init(claim.userID),
        .init(rank: coupon.rank), .text(LogCodec.claimType), .bytes(LogCodec.encode(claim)),
      ]
    )
  }

  package static func insert(_ created: PolicyCreated) -> SQLCall {
    (
      insertOne,
      [
        .text(created.eventID.description), .init(created.policy.id), .null, .null, .null,
        .text(LogCodec.policyType), .bytes(LogCodec.encode(created)),
      ]
    )
  }

  /// The events of one policy with `sequence > after`, in order, at most `limit`.
  @LoopActor
  package static func events(
    of policy: PolicyID, after: Int64, limit: Int, in pool: PostgresPool, deadline: Instant
  ) async throws -> [EventRow] {
    try read(await pool.query(ofPolicy, [.init(policy), .int(after), .init(limit)], deadline: deadline))
  }

  /// The policies that have events. What is rebuilt from them goes policy by policy: only within one is there
  /// an order.
  @LoopActor
  package static func policies(in pool: PostgresPool, deadline: Instant) async throws -> [PolicyID] {
    let rows = try await pool.query(policies, [], deadline: deadline)
    return (0..<rows.count).compactMap { rows.policyID($0, 0) }
  }

  /// How many events there are, and the last one's sequence (0 without one).
  @LoopActor
  package static func count(
    in pool: PostgresPool, deadline: Instant
  ) async throws(PostgresError) -> (count: Int64, last: Int64) {
    let rows = try await pool.query(counts, [], deadline: deadline)
    return (rows.int(0, 0) ?? 0, rows.int(0, 1) ?? 0)
  }

  private static func read(_ rows: PostgresRows) throws(SchemaError) -> [EventRow] {
    var events: [EventRow] = []
    events.reserveCapacity(rows.count)
    for row in 0..<rows.count {
      guard let sequence = rows.int(row, 0), let eventID = rows.text(row, 1).flatMap({ EventID($0) }),
        let policyID = rows.policyID(row, 2), let payload = rows.bytes(row, 4),
        let recordedAt = rows.timestamp(row, 5)
      else { throw .corruptRow(table: "coupon_event") }
      events.append(
        EventRow(
          sequence: sequence, eventID: eventID, policyID: policyID, rank: rows.int(row, 3).map { Int($0) },
          payload: payload, recordedAt: Timestamp(microseconds: recordedAt)))
    }
    return events
  }
}
