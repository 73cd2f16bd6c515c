package import CouponDomain
package import Postgres
package import Text

/// The monolith's statements before and after the decision on one claim, which the program makes.
///
///     BEGIN, lock, find ──▶ decide ──▶ event, coupon, counter, COMMIT
package enum IssuanceSQL {
  private static let lockDay = PostgresStatement(
    "SELECT issued FROM policy_day WHERE policy_id = $1 AND day = $2 FOR UPDATE", readsOnly: true)

  private static let readDay = PostgresStatement(
    "SELECT issued FROM policy_day WHERE policy_id = $1 AND day = $2")

  private static let findCoupon = PostgresStatement(
    "SELECT \(CouponColumns.list) FROM coupon c WHERE c.policy_id = $1 AND c.user_id = $2 AND c.period = $3")

  private static let winnersOfDays = PostgresStatement(
    """
    SELECT user_id, day, rank FROM coupon
    WHERE policy_id = $1 AND day BETWEEN $2 AND $3 AND (day, rank) > ($4, $5)
    ORDER BY day, rank LIMIT $6
    """)

  private static let insertCoupon = PostgresStatement(
    """
    INSERT INTO coupon (coupon_id, policy_id, user_id, period, day, rank, issued_at, event_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    """)

  private static let setIssued = PostgresStatement(
    "UPDATE policy_day SET issued = $3 WHERE policy_id = $1 AND day = $2")

  private static let compareAndRecord = recording(
    "UPDATE policy_day SET issued = $11 WHERE policy_id = $2 AND day = $5 AND issued = $10 RETURNING issued")

  private static let countAndRecord = recording(
    """
    UPDATE policy_day SET issued = issued + 1 WHERE policy_id = $2 AND day = $5 AND issued < quota
    RETURNING issued
    """)

  /// The event and coupon of the claim that `slot` gave a rank (one row with it, or none), in the same
  /// statement.
  private static func recording(_ slot: String) -> PostgresStatement {
    PostgresStatement(
      """
      WITH slot AS (\(slot)), event AS (
        INSERT INTO coupon_event (event_id, policy_id, day, user_id, rank, type, payload)
        SELECT $7, $2, $5, $3, issued, $8, $9 FROM slot
      ), coupon AS (
        INSERT INTO coupon (coupon_id, policy_id, user_id, period, day, rank, issued_at, event_id)
        SELECT $1, $2, $3, $4, $5, issued, $6, $7 FROM slot
      ) SELECT issued FROM slot
      """, readsOnly: false)
  }

  private static let advisoryLock = PostgresStatement("SELECT pg_advisory_xact_lock($1, $2)")

  // MARK: Reads; one row with `issued`, or none for a day outside the event

  /// Locks the day's row until the transaction ends.
  package static func lock(_ day: Day, of policy: PolicyID) -> SQLCall {
    (lockDay, [.init(policy), .init(day)])
  }

  /// The same without a lock, for strategies that take none.
  package static func read(_ day: Day, of policy: PolicyID) -> SQLCall {
    (readDay, [.init(policy), .init(day)])
  }

  /// A lock on the day that is not a row: the strategy `advisory-lock`.
  package static func advisoryLock(_ day: Day, of policy: PolicyID) -> SQLCall {
    (advisoryLock, [.init(policy), .init(day.number)])
  }

  /// The person's coupon in the period of `day`.
  package static func find(_ user: UserID, on day: Day, of policy: Policy) -> SQLCall {
    (findCoupon, [.init(policy.id), .init(user), .init(policy.period(of: day))])
  }

  /// The coupons of several people in the period of `day`.
  package static func find(_ users: [UserID], on day: Day, of policy: Policy) -> SQLCall {
    let period = policy.period(of: day)
    return BatchSQL.coupons(users.map { PersonPeriod(policy.id, $0, period) })
  }

  /// The answers to `lock` (or `read`) and `find`; nil if the day has no row.
  package static func state(
    of policy: Policy, day: PostgresRows, coupon: PostgresRows
  ) throws(SchemaError) -> IssuanceState? {
    guard let issued = issued(day) else { return nil }
    return IssuanceState(policy: policy, issued: issued, held: try self.coupon(coupon))
  }

  /// The answer to `lock` or `read`; nil if the day has no row.
  package static func issued(_ rows: PostgresRows) -> Int? {
    rows.count == 1 ? rows.int(0, 0).map { Int($0) } : nil
  }

  /// The answer to `find`.
  package static func coupon(_ rows: PostgresRows) throws(SchemaError) -> Coupon? {
    rows.count == 0 ? nil : try CouponColumns.read(rows, 0)
  }

  /// The answer to `find` of several people, in any order.
  package static func coupons(_ rows: PostgresRows) throws(SchemaError) -> [Coupon] {
    try CouponColumns.readAll(rows)
  }

  /// The people with a coupon of the period of `day`, in the order of days and ranks, at most `limit`.
  ///
  /// - Parameter last: the last one of the page before; nil begins with the first.
  package static func winners(
    of policy: Policy, around day: Day, after last: (day: Day, rank: Int)?, limit: Int
  ) -> SQLCall {
    let days = policy.perPerson == .once ? policy.startsOn...policy.endsOn : day...day
    let last = last ?? (days.lowerBound, 0)
    return (
      winnersOfDays,
      [
        .init(policy.id), .init(days.lowerBound), .init(days.upperBound), .init(last.day), .init(last.rank),
        .init(limit),
      ]
    )
  }

  /// The answer to `winners`.
  package static func winners(
    _ rows: PostgresRows
  ) throws(SchemaError) -> [(user: UserID, day: Day, rank: Int)] {
    var winners: [(user: UserID, day: Day, rank: Int)] = []
    winners.reserveCapacity(rows.count)
    for row in 0..<rows.count {
      guard let user = rows.text(row, 0).flatMap({ UserID($0) }), let day = rows.day(row, 1),
        let rank = rows.int(row, 2)
      else { throw .corruptRow(table: "coupon") }
      winners.append((user, day, Int(rank)))
    }
    return winners
  }

  // MARK: Writes

  /// The event and the coupon.
  package static func record(_ coupon: Coupon, of policy: Policy) -> [SQLCall] {
    let claim = coupon.claim
    let values: [PostgresValue] = [
      .text(claim.couponID.description), .init(claim.policyID), .init(claim.userID),
      .init(policy.period(of: claim.day)), .init(claim.day), .init(rank: coupon.rank), .init(claim.issuedAt),
      .text(claim.eventID.description),
    ]
    return [EventSQL.insert(coupon), (insertCoupon, values)]
  }

  /// The same of several coupons of one day, in as many statements as of one.
  package static func record(_ coupons: [Coupon], of policy: Policy) -> [SQLCall] {
    if coupons.count == 1 { return record(coupons[0], of: policy) }
    var record = BatchRecord()
    for coupon in coupons { record.add(coupon, of: policy, payload: LogCodec.encode(coupon.claim)) }
    return record.issued
  }

  /// The counter after `evolve`.
  package static func set(issued: Int, on day: Day, of policy: PolicyID) -> SQLCall {
    (setIssued, [.init(policy), .init(day), .init(issued)])
  }

  /// Event, coupon and counter if the counter is still `expected` (one row, or none): the strategy
  /// `optimistic`.
  package static func record(
    _ coupon: Coupon, of policy: Policy, from expected: Int, to issued: Int
  ) -> SQLCall {
    (compareAndRecord, values(of: coupon.claim, policy) + [.init(expected), .init(issued)])
  }

  /// Event, coupon and counter if the quota allows it (one row with `issued`, or none): the strategy
  /// `atomic-update`, which repeats the rule of the quota in SQL.
  package static func takeSlotAndRecord(_ claim: CouponClaim, of policy: Policy) -> SQLCall {
    (countAndRecord, values(of: claim, policy))
  }

  private static func values(of claim: CouponClaim, _ policy: Policy) -> [PostgresValue] {
    [
      .text(claim.couponID.description), .init(claim.policyID), .init(claim.userID),
      .init(policy.period(of: claim.day)), .init(claim.day), .init(claim.issuedAt),
      .text(claim.eventID.description), .text(LogCodec.claimType), .bytes(LogCodec.encode(claim)),
    ]
  }
}
