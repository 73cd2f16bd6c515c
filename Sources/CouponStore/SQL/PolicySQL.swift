package import CouponDomain
package import EventLoop
package import Postgres
package import Text

/// A policy with the counters of the days around a moment: at most three, one of which is the calendar's day.
///
/// The business day depends on the policy's zone, which is in the same row, so the statement reads the days
/// around the UTC date and the program selects one.
package struct PolicyDays: Hashable, Sendable {
  package let policy: Policy
  private var counters: [DayCounter] = []

  fileprivate init(_ policy: Policy) { self.policy = policy }

  package func issued(on day: Day) -> Int { counters.first { $0.day == day }?.issued ?? 0 }

  fileprivate mutating func add(_ issued: Int, on day: Day) {
    if !counters.contains(where: { $0.day == day }) { counters.append(DayCounter(day: day, issued: issued)) }
  }
}

private struct DayCounter: Hashable, Sendable {
  let day: Day
  let issued: Int
}

/// The same with one person's coupons in the periods of these days.
package struct PersonView: Hashable, Sendable {
  package let days: PolicyDays
  fileprivate(set) var coupons: [Coupon] = []

  package var policy: Policy { days.policy }

  /// The coupon that decides a claim on `day`.
  package func coupon(on day: Day) -> Coupon? {
    coupons.first { policy.period(of: $0.claim.day) == policy.period(of: day) }
  }

  package func state(on day: Day) -> IssuanceState {
    IssuanceState(policy: policy, issued: days.issued(on: day), held: coupon(on: day))
  }
}

/// The result of looking up a person's latest coupon of a policy.
package enum LatestCoupon: Hashable, Sendable {
  case coupon(Coupon)
  case none
  case noSuchPolicy
}

package enum PolicyCreation: Hashable, Sendable {
  case created
  /// The id is already taken by this policy, which may be an equal one.
  case exists(Policy)
}

/// Reads and writes of policies and their days.
package enum PolicySQL {
  private static let findPolicy = PostgresStatement(
    "SELECT \(PolicyColumns.list) FROM policy p WHERE p.policy_id = $1")

  private static let allPolicies = PostgresStatement(
    "SELECT \(PolicyColumns.list) FROM policy p ORDER BY p.policy_id")

  private static let highestID = PostgresStatement("SELECT max(policy_id) FROM policy")

  private static let lowestFreeID = PostgresStatement(
    """
    SELECT min(candidate) FROM (
      SELECT 1::bigint AS candidate UNION ALL SELECT policy_id::bigint + 1 FROM policy
    ) AS candidates WHERE NOT EXISTS (SELECT 1 FROM policy WHERE policy_id = candidate)
    """)

  private static let daysAround = PostgresStatement(
    """
    SELECT \(PolicyColumns.list), d.day, d.issued FROM policy p
    LEFT JOIN policy_day d ON d.policy_id = p.policy_id AND d.day BETWEEN $2::date - 1 AND $2::date + 1
    WHERE p.policy_id = $1
    """)

  private static let personAround = PostgresStatement(
    """
    SELECT \(PolicyColumns.list), d.day, d.issued, \(CouponColumns.list) FROM policy p
    LEFT JOIN policy_day d ON d.policy_id = p.policy_id AND d.day BETWEEN $2::date - 1 AND $2::date + 1
    LEFT JOIN coupon c ON c.policy_id = p.policy_id AND c.user_id = $3 AND c.period IN (p.starts_on, d.day)
    WHERE p.policy_id = $1
    """)

  private static let latest = PostgresStatement(
    """
    SELECT \(CouponColumns.list) FROM policy p LEFT JOIN LATERAL (
      SELECT * FROM coupon WHERE coupon.policy_id = p.policy_id AND coupon.user_id = $2
      ORDER BY day DESC LIMIT 1
    ) c ON true WHERE p.policy_id = $1
    """)

  private static let insertPolicySQL = """
    INSERT INTO policy (policy_id, name, starts_on, ends_on, opens_at, time_zone, daily_quota, per_person)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    """
  private static let insertPolicy = PostgresStatement(insertPolicySQL)
  private static let insertUnlessTaken = PostgresStatement(insertPolicySQL + " ON CONFLICT DO NOTHING")

  private static let insertDays = PostgresStatement(
    "INSERT INTO policy_day (policy_id, day, quota) SELECT $1, day, $2 FROM unnest($3::date[]) AS day")

  // MARK: Reads

  @LoopActor
  package static func find(_ id: PolicyID, in pool: PostgresPool, deadline: Instant) async throws -> Policy? {
    let rows = try await pool.query(findPolicy, [.init(id)], deadline: deadline)
    return rows.count == 0 ? nil : try PolicyColumns.read(rows, 0)
  }

  @LoopActor
  package static func all(in pool: PostgresPool, deadline: Instant) async throws -> [Policy] {
    let rows = try await pool.query(allPolicies, [], deadline: deadline)
    return try (0..<rows.count).map { try PolicyColumns.read(rows, $0) }
  }

  /// The id for a policy that names none; nil if every id is taken. Another program may take it first.
  @LoopActor
  package static func free(in pool: PostgresPool, deadline: Instant) async throws -> PolicyID? {
    let highest = try await pool.query(highestID, [], deadline: deadline).int(0, 0)
    return try await PolicyID.free(above: highest.flatMap { PolicyID($0) }) {
      try await pool.query(lowestFreeID, [], deadline: deadline).int(0, 0).flatMap { PolicyID($0) }
    }
  }

  /// The policy and its counters around `time`; nil if there is no such policy.
  @LoopActor
  package static func days(
    of id: PolicyID, around time: Timestamp, in pool: PostgresPool, deadline: Instant
  ) async throws -> PolicyDays? {
    let rows = try await pool.query(daysAround, [.init(id), .init(time.utcDay)], deadline: deadline)
    return try readDays(rows)
  }

  /// The one statement before every lock: policy, counters and the person's coupons.
  @LoopActor
  package static func person(
    _ user: UserID, of id: PolicyID, around time: Timestamp, in pool: PostgresPool, deadline: Instant
  ) async throws -> PersonView? {
    let rows = try await pool.query(
      personAround, [.init(id), .init(time.utcDay), .init(user)], deadline: deadline)
    guard let days = try readDays(rows) else { return nil }
    var view = PersonView(days: days)
    for row in 0..<rows.count {
      guard let coupon = try CouponColumns.read(rows, row, from: PolicyColumns.count + 2) else { continue }
      if !view.coupons.contains(coupon) { view.coupons.append(coupon) }
    }
    return view
  }

  @LoopActor
  package static func latestCoupon(
    of user: UserID, in policy: PolicyID, pool: PostgresPool, deadline: Instant
  ) async throws -> LatestCoupon {
    let rows = try await pool.query(latest, [.init(policy), .init(user)], deadline: deadline)
    guard rows.count > 0 else { return .noSuchPolicy }
    return try CouponColumns.read(rows, 0).map { .coupon($0) } ?? .none
  }

  private static func readDays(_ rows: PostgresRows) throws(SchemaError) -> PolicyDays? {
    guard rows.count > 0 else { return nil }
    var days = PolicyDays(try PolicyColumns.read(rows, 0))
    for row in 0..<rows.count {
      guard let day = rows.day(row, PolicyColumns.count) else { continue }
      days.add(Int(rows.int(row, PolicyColumns.count + 1) ?? 0), on: day)
    }
    return days
  }

  // MARK: Writes

  /// The policy's row and a counter for each of its days; a unique violation if its id is taken.
  package static func insert(_ policy: Policy) -> [SQLCall] {
    [(insertPolicy, values(of: policy)), (insertDays, dayValues(of: policy))]
  }

  /// Records the policy, its days and its event, or returns the policy that already has its id.
  @LoopActor
  package static func create(
    _ created: PolicyCreated, in pool: PostgresPool, deadline: Instant
  ) async throws -> PolicyCreation {
    let policy = created.policy
    let isNew = try await pool.transaction(deadline: deadline) { transaction in
      let answers = try await transaction.run([(insertUnlessTaken, values(of: policy))])
      guard answers[0].affected == 1 else { return false }
      _ = try await transaction.finish([(insertDays, dayValues(of: policy)), EventSQL.insert(created)])
      return true
    }
    if isNew { return .created }
    guard let existing = try await find(policy.id, in: pool, deadline: deadline) else {
      throw SchemaError.corruptRow(table: "policy")
    }
    return .exists(existing)
  }

  private static func values(of policy: Policy) -> [PostgresValue] {
    [
      .init(policy.id), .text(policy.name), .init(policy.startsOn), .init(policy.endsOn),
      .text(policy.opensAt.description), .text(policy.timeZone), .init(policy.dailyQuota),
      .text(policy.perPerson.rawValue),
    ]
  }

  private static func dayValues(of policy: Policy) -> [PostgresValue] {
    let days = (policy.startsOn.number...policy.endsOn.number).map { Day(number: $0).description }
    return [.init(policy.id), .init(policy.dailyQuota), .texts(days)]
  }
}

extension Timestamp {
  /// The date in UTC.
  var utcDay: Day { Day(number: Int32(microseconds.flooredDivision(by: 86_400_000_000).quotient)) }
}
