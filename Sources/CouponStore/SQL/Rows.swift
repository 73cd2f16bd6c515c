internal import CouponDomain
package import Postgres
internal import Text

/// A statement with its values, for a transaction to run.
package typealias SQLCall = (PostgresStatement, [PostgresValue])

/// Converts a policy to its columns and back.
enum PolicyColumns {
  static let list =
    "p.policy_id, p.name, p.starts_on, p.ends_on, p.opens_at, p.time_zone, p.daily_quota, p.per_person"
  static let count = 8

  static func read(_ rows: PostgresRows, _ row: Int, from first: Int = 0) throws(SchemaError) -> Policy {
    guard let number = rows.int(row, first), let id = PolicyID(number), let name = rows.text(row, first + 1),
      let startsOn = rows.day(row, first + 2), let endsOn = rows.day(row, first + 3),
      let opensAt = rows.withBytes(row, first + 4, { TimeOfDay(ascii: $0) }),
      let zone = rows.text(row, first + 5),
      let quota = rows.int(row, first + 6), let perPerson = rows.text(row, first + 7).flatMap(PerPerson.init)
    else { throw .corruptRow(table: "policy") }
    do {
      return try Policy(
        id: id, name: name, startsOn: startsOn, endsOn: endsOn, opensAt: opensAt, timeZone: zone,
        dailyQuota: Int(quota), perPerson: perPerson)
    } catch {
      throw .corruptRow(table: "policy")
    }
  }
}

/// Converts a coupon to its columns and back.
enum CouponColumns {
  static let list = "c.policy_id, c.user_id, c.day, c.rank, c.issued_at, c.coupon_id, c.event_id"
  static let count = 7

  /// Nil if the row has no coupon (of an outer join).
  static func read(_ rows: PostgresRows, _ row: Int, from first: Int = 0) throws(SchemaError) -> Coupon? {
    guard !rows.isNull(row, first) else { return nil }
    guard let number = rows.int(row, first), let policyID = PolicyID(number),
      let userID = rows.withBytes(row, first + 1, { UserID(ascii: $0) }), let day = rows.day(row, first + 2),
      let issuedAt = rows.timestamp(row, first + 4),
      let couponID = rows.text(row, first + 5).flatMap({ CouponID($0) }),
      let eventID = rows.text(row, first + 6).flatMap({ EventID($0) })
    else { throw .corruptRow(table: "coupon") }
    let claim = CouponClaim(
      eventID: eventID, couponID: couponID, policyID: policyID, userID: userID, day: day,
      issuedAt: Timestamp(microseconds: issuedAt))
    return Coupon(claim: claim, rank: rows.int(row, first + 3).map { Int($0) })
  }

  static func readAll(_ rows: PostgresRows) throws(SchemaError) -> [Coupon] {
    var coupons: [Coupon] = []
    coupons.reserveCapacity(rows.count)
    for row in 0..<rows.count {
      if let coupon = try read(rows, row) { coupons.append(coupon) }
    }
    return coupons
  }
}

extension PostgresRows {
  /// A `date`; nil if the value is NULL or infinite.
  func day(_ row: Int, _ column: Int) -> Day? { withBytes(row, column) { Day(ascii: $0) } }

  func policyID(_ row: Int, _ column: Int) -> PolicyID? { int(row, column).flatMap { PolicyID($0) } }
}

extension PostgresValue {
  init(_ policy: PolicyID) { self = .int(Int64(policy.value)) }
  init(_ user: UserID) { self = .text(user.description) }
  init(_ day: Day) { self = .text(day.description) }
  init(_ time: Timestamp) { self = .timestamp(microseconds: time.microseconds) }
  init(rank: Int?) { self = rank.map { .int(Int64($0)) } ?? .null }
}
