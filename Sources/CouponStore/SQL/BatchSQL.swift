package import CouponDomain
package import Postgres
package import Text

/// One day of one policy.
package struct PolicyDay: Hashable, Sendable {
  package let policyID: PolicyID
  package let day: Day
  package init(_ policyID: PolicyID, _ day: Day) { (self.policyID, self.day) = (policyID, day) }
}

/// A person and a period of a policy, for which at most one coupon is issued.
package struct PersonPeriod: Hashable, Sendable {
  package let policyID: PolicyID
  package let userID: UserID
  package let period: Day
  package init(_ policyID: PolicyID, _ userID: UserID, _ period: Day) {
    (self.policyID, self.userID, self.period) = (policyID, userID, period)
  }
}

/// The seeds for the fold of a batch, read under the lock of the partition's offset.
package enum BatchSQL {
  private static let policiesByID = PostgresStatement(
    "SELECT \(PolicyColumns.list) FROM policy p WHERE p.policy_id = ANY ($1::int[])")

  // LATERAL and LIMIT restrict these two to one primary-key look-up per wanted row. A plain join is planned
  // while the tables are new and small, as a scan of the whole table, and that plan is kept when they grow.

  private static let countersOfDays = PostgresStatement(
    """
    SELECT d.policy_id, d.day, d.issued FROM unnest($1::int[], $2::date[]) AS w (policy_id, day)
    JOIN LATERAL (
      SELECT * FROM policy_day WHERE policy_day.policy_id = w.policy_id AND policy_day.day = w.day LIMIT 1
    ) d ON true
    """)

  private static let couponsOfPeople = PostgresStatement(
    """
    SELECT \(CouponColumns.list)
    FROM unnest($1::int[], $2::text[], $3::date[]) AS w (policy_id, user_id, period)
    JOIN LATERAL (
      SELECT * FROM coupon WHERE coupon.policy_id = w.policy_id AND coupon.user_id = w.user_id COLLATE "C"
        AND coupon.period = w.period LIMIT 1
    ) c ON true
    """)

  package static func policies(_ ids: some Collection<PolicyID>) -> SQLCall {
    (policiesByID, [.ints(ids.map { Int64($0.value) })])
  }

  package static func counters(_ days: some Collection<PolicyDay>) -> SQLCall {
    (countersOfDays, [.ints(days.map { Int64($0.policyID.value) }), .texts(days.map(\.day.description))])
  }

  package static func coupons(_ people: some Collection<PersonPeriod>) -> SQLCall {
    var policies = PostgresColumn(.int, reserving: people.count, of: 4)
    var users = PostgresColumn(.text, reserving: people.count, of: 16)
    var periods = PostgresColumn(.date, reserving: people.count, of: 4)
    for person in people {
      policies.append(int: person.policyID.value)
      users.append(text: person.userID.description)
      periods.append(day: person.period.number)
    }
    return (couponsOfPeople, [policies, users, periods].map { .column($0) })
  }

  package static func readPolicies(_ rows: PostgresRows) throws(SchemaError) -> [Policy] {
    var policies: [Policy] = []
    for row in 0..<rows.count { policies.append(try PolicyColumns.read(rows, row)) }
    return policies
  }

  package static func readCounters(_ rows: PostgresRows) throws(SchemaError) -> [(PolicyDay, issued: Int)] {
    var counters: [(PolicyDay, issued: Int)] = []
    for row in 0..<rows.count {
      guard let policy = rows.policyID(row, 0), let day = rows.day(row, 1), let issued = rows.int(row, 2)
      else {
        throw .corruptRow(table: "policy_day")
      }
      counters.append((PolicyDay(policy, day), Int(issued)))
    }
    return counters
  }

  package static func readCoupons(_ rows: PostgresRows) throws(SchemaError) -> [Coupon] {
    try CouponColumns.readAll(rows)
  }
}
