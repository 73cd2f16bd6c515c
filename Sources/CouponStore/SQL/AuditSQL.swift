package import CouponDomain
package import EventLoop
package import Postgres
package import Text

/// A coupon with the period stored in its row.
package struct CouponRow: Hashable, Sendable {
  package let coupon: Coupon
  package let period: Day
}

package struct DayRow: Hashable, Sendable {
  package let day: Day
  package let quota: Int
  package let issued: Int
}

package struct DeadLetterRow: Hashable, Sendable {
  package let partition: Int32
  package let offset: Int64
  package let reason: String
}

/// The laboratory's reads for checks and rebuilds: rows as they are stored, without judgement.
package enum AuditSQL {
  private static let pageSize = 10_000

  private static let couponPage = PostgresStatement(
    """
    SELECT \(CouponColumns.list), c.period FROM coupon c
    WHERE c.policy_id = $1 AND (c.user_id, c.period) > ($2, $3::date) ORDER BY c.user_id, c.period LIMIT $4
    """)

  private static let dayRows = PostgresStatement(
    "SELECT day, quota, issued FROM policy_day WHERE policy_id = $1 ORDER BY day")

  private static let couponCount = PostgresStatement("SELECT count(*) FROM coupon WHERE policy_id = $1")

  private static let deadLetterRows = PostgresStatement(
    "SELECT partition, \"offset\", reason FROM dead_letter WHERE topic = $1 ORDER BY partition, \"offset\"")

  private static let deleteProjections = [
    PostgresStatement("DELETE FROM coupon WHERE policy_id = $1"),
    PostgresStatement("DELETE FROM policy_day WHERE policy_id = $1"),
    PostgresStatement("DELETE FROM policy WHERE policy_id = $1"),
  ]

  /// All coupons of a policy, read page by page. Not a consistent snapshot while others write.
  @LoopActor
  package static func coupons(
    of policy: PolicyID, in pool: PostgresPool, deadline: Instant
  ) async throws -> [CouponRow] {
    var coupons: [CouponRow] = []
    while true {
      let (user, period) = (coupons.last?.coupon.claim.userID.description ?? "", coupons.last?.period)
      let after: PostgresValue = .init(period ?? Day(number: 0))
      let rows = try await pool.query(
        couponPage, [.init(policy), .text(user), after, .init(pageSize)], deadline: deadline)
      for row in 0..<rows.count {
        guard let coupon = try CouponColumns.read(rows, row), let period = rows.day(row, CouponColumns.count)
        else { throw SchemaError.corruptRow(table: "coupon") }
        coupons.append(CouponRow(coupon: coupon, period: period))
      }
      if rows.count < pageSize { return coupons }
    }
  }

  @LoopActor
  package static func days(
    of policy: PolicyID, in pool: PostgresPool, deadline: Instant
  ) async throws -> [DayRow] {
    let rows = try await pool.query(dayRows, [.init(policy)], deadline: deadline)
    return try (0..<rows.count).map { row in
      guard let day = rows.day(row, 0), let quota = rows.int(row, 1), let issued = rows.int(row, 2) else {
        throw SchemaError.corruptRow(table: "policy_day")
      }
      return DayRow(day: day, quota: Int(quota), issued: Int(issued))
    }
  }

  /// The number of coupons of a policy.
  @LoopActor
  package static func couponCount(
    of policy: PolicyID, in pool: PostgresPool, deadline: Instant
  ) async throws(PostgresError) -> Int64 {
    try await pool.query(couponCount, [.init(policy)], deadline: deadline).int(0, 0) ?? 0
  }

  @LoopActor
  package static func deadLetters(
    topic: String, in pool: PostgresPool, deadline: Instant
  ) async throws -> [DeadLetterRow] {
    let rows = try await pool.query(deadLetterRows, [.text(topic)], deadline: deadline)
    return try (0..<rows.count).map { row in
      guard let partition = rows.int(row, 0), let offset = rows.int(row, 1), let reason = rows.text(row, 2)
      else { throw SchemaError.corruptRow(table: "dead_letter") }
      return DeadLetterRow(partition: Int32(clamping: partition), offset: offset, reason: reason)
    }
  }

  /// Deletes a policy's projections; `BatchRecord.projections` inserts the rebuilt ones.
  package static func clearProjections(of policy: PolicyID) -> [SQLCall] {
    deleteProjections.map { ($0, [.init(policy)]) }
  }
}
