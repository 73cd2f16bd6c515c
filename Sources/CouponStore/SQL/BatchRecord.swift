package import CouponDomain
import Postgres
package import Text

/// Collects the writes of a batch of the log as a few statements, however long the batch is.
///
/// The statements run in one transaction with `OffsetSQL.advance`. A unique violation among them means that
/// two rules differ: no conflict is resolved here.
package struct BatchRecord {
  /// The most bytes of a message that are kept.
  package static let maximumDeadLetterBytes = 65_536
  /// The bytes of a message that a reader of the log needs: those that are kept, and one that shows that it
  /// is longer.
  package static let readBytes = maximumDeadLetterBytes + 1

  package struct Event {
    package let eventID: EventID
    package let policyID: PolicyID
    /// Nil for a policy.
    package let coupon: Coupon?
    package let payload: [UInt8]
  }

  private let topic: String
  private let partition: Int32
  package private(set) var policies: [Policy] = []
  package private(set) var events: [Event] = []
  package private(set) var coupons: [(coupon: Coupon, period: Day)] = []
  package private(set) var counters: [PolicyDay: Int] = [:]
  package private(set) var deadLetters: [(offset: Int64, reason: String, payload: [UInt8])] = []

  package init(topic: String, partition: Int32) { (self.topic, self.partition) = (topic, partition) }

  /// Of coupons that no log has decided on.
  init() { self.init(topic: "", partition: 0) }

  package mutating func add(_ created: PolicyCreated, payload: [UInt8]) {
    policies.append(created.policy)
    events.append(
      Event(eventID: created.eventID, policyID: created.policy.id, coupon: nil, payload: payload))
  }

  /// Adds a coupon with its event; `issued` is the day's counter after it.
  package mutating func add(_ coupon: Coupon, of policy: Policy, issued: Int, payload: [UInt8]) {
    add(coupon, of: policy, payload: payload)
    counters[PolicyDay(coupon.claim.policyID, coupon.claim.day)] = issued
  }

  /// The same for a caller that writes the counter itself.
  mutating func add(_ coupon: Coupon, of policy: Policy, payload: [UInt8]) {
    let claim = coupon.claim
    events.append(Event(eventID: claim.eventID, policyID: claim.policyID, coupon: coupon, payload: payload))
    coupons.append((coupon, policy.period(of: claim.day)))
  }

  package mutating func add(deadLetter reason: String, offset: Int64, payload: [UInt8]) {
    deadLetters.append((offset, reason, Array(payload.prefix(BatchRecord.maximumDeadLetterBytes))))
  }

  package var statements: [SQLCall] {
    var calls = projections
    if !events.isEmpty { calls.append(eventCall) }
    if !deadLetters.isEmpty { calls.append(deadLetterCall) }
    return calls
  }

  /// Only events and coupons.
  ///
  /// The coupons are inserted in the order of their people: transactions that insert for the same people (`once`, two days)
  /// wait for each other's keys, and in one order none of them waits for one that waits for it.
  var issued: [SQLCall] {
    let byPerson = coupons.sorted { $0.coupon.claim.userID < $1.coupon.claim.userID }
    return [eventCall, (BatchRecord.insertCoupons, BatchRecord.values(of: byPerson))]
  }

  /// Only policies, coupons and counters: what can be rebuilt from the events.
  package var projections: [SQLCall] {
    let calls = policies.flatMap { PolicySQL.insert($0) }
    return coupons.isEmpty ? calls : calls + [couponCall, counterCall]
  }

  /// The same for a log that only reports what Redis has decided: existing coupons are skipped, ranks are
  /// null, and the counters count the rows that were inserted.
  package var statementsWithoutDeciding: [SQLCall] {
    var calls = policies.flatMap { PolicySQL.insert($0) }
    let created = events.filter { $0.coupon == nil }
    if !created.isEmpty { calls.append((BatchRecord.insertEvents, BatchRecord.values(of: created))) }
    let values =
      BatchRecord.values(of: coupons) + [.bytesArray(events.filter { $0.coupon != nil }.map(\.payload))]
    if !coupons.isEmpty { calls.append((BatchRecord.insertUndecided, values + [.text(LogCodec.claimType)])) }
    if !deadLetters.isEmpty { calls.append(deadLetterCall) }
    return calls
  }
}

// MARK: Statements

extension BatchRecord {
  private static let insertEvents = PostgresStatement(
    """
    INSERT INTO coupon_event (event_id, policy_id, day, user_id, rank, type, payload)
    SELECT event_id, policy_id, day, user_id, rank, type, payload
    FROM unnest($1::text[], $2::int[], $3::date[], $4::text[], $5::int[], $6::text[], $7::bytea[])
      WITH ORDINALITY AS e (event_id, policy_id, day, user_id, rank, type, payload, position)
    ORDER BY position
    """)

  private static let insertCoupons = PostgresStatement(
    """
    INSERT INTO coupon (coupon_id, policy_id, user_id, period, day, rank, issued_at, event_id)
    SELECT * FROM unnest($1::text[], $2::int[], $3::text[], $4::date[], $5::date[], $6::int[],
      $7::timestamptz[], $8::text[])
    """)

  private static let setCounters = PostgresStatement(
    """
    UPDATE policy_day d SET issued = c.issued
    FROM unnest($1::int[], $2::date[], $3::int[]) AS c (policy_id, day, issued)
    WHERE d.policy_id = c.policy_id AND d.day = c.day
    """)

  private static let insertDeadLetters = PostgresStatement(
    """
    INSERT INTO dead_letter (topic, partition, "offset", reason, payload)
    SELECT $1, $2, "offset", reason, payload
    FROM unnest($3::bigint[], $4::text[], $5::bytea[]) AS d ("offset", reason, payload)
    """)

  /// Coupons, their events and the counters in one statement, because only the first knows which coupons are
  /// new.
  private static let insertUndecided = PostgresStatement(
    """
    WITH claim AS (
      SELECT * FROM unnest($1::text[], $2::int[], $3::text[], $4::date[], $5::date[], $6::int[],
        $7::timestamptz[], $8::text[], $9::bytea[])
        WITH ORDINALITY
          AS c (coupon_id, policy_id, user_id, period, day, rank, issued_at, event_id, payload, position)
    ), inserted AS (
      INSERT INTO coupon (coupon_id, policy_id, user_id, period, day, rank, issued_at, event_id)
      SELECT coupon_id, policy_id, user_id, period, day, NULL, issued_at, event_id FROM claim
      ORDER BY position
      ON CONFLICT DO NOTHING RETURNING policy_id, day, event_id
    ), recorded AS (
      INSERT INTO coupon_event (event_id, policy_id, day, user_id, type, payload)
      SELECT event_id, policy_id, day, user_id, $10, payload FROM claim
      WHERE event_id IN (SELECT event_id FROM inserted) ORDER BY position
      ON CONFLICT DO NOTHING
    )
    UPDATE policy_day d SET issued = d.issued + n.new
    FROM (SELECT policy_id, day, count(*) AS new FROM inserted GROUP BY policy_id, day) n
    WHERE d.policy_id = n.policy_id AND d.day = n.day
    """)

  private var eventCall: SQLCall { (BatchRecord.insertEvents, BatchRecord.values(of: events)) }
  private var couponCall: SQLCall { (BatchRecord.insertCoupons, BatchRecord.values(of: coupons)) }

  private var counterCall: SQLCall {
    let rows = counters.sorted { ($0.key.policyID, $0.key.day) < ($1.key.policyID, $1.key.day) }
    return (
      BatchRecord.setCounters,
      [
        .ints(rows.map { Int64($0.key.policyID.value) }), .texts(rows.map { $0.key.day.description }),
        .ints(rows.map { Int64($0.value) }),
      ]
    )
  }

  private var deadLetterCall: SQLCall {
    (
      BatchRecord.insertDeadLetters,
      [
        .text(topic), .init(partition), .ints(deadLetters.map(\.offset)), .texts(deadLetters.map(\.reason)),
        .bytesArray(deadLetters.map(\.payload)),
      ]
    )
  }

  private static func values(of events: [Event]) -> [PostgresValue] {
    let count = events.count
    var ids = PostgresColumn(.text, reserving: count, of: 32)
    var policies = PostgresColumn(.int, reserving: count, of: 4)
    var days = PostgresColumn(.date, reserving: count, of: 4)
    var users = PostgresColumn(.text, reserving: count, of: 16)
    var ranks = PostgresColumn(.int, reserving: count, of: 4)
    var types = PostgresColumn(.text, reserving: count, of: 12)
    var payloads = PostgresColumn(
      .bytea, reserving: 1, of: events.reduce(0) { $0 + $1.payload.count + 4 })
    for event in events {
      ids.append(event.eventID)
      policies.append(int: event.policyID.value)
      if let coupon = event.coupon {
        days.append(day: coupon.claim.day.number)
        users.append(text: coupon.claim.userID.description)
      } else {
        days.appendNull()
        users.appendNull()
      }
      ranks.append(rank: event.coupon?.rank)
      types.append(text: event.coupon == nil ? LogCodec.policyType : LogCodec.claimType)
      payloads.append(bytes: event.payload)
    }
    return [ids, policies, days, users, ranks, types, payloads].map { .column($0) }
  }

  private static func values(of coupons: [(coupon: Coupon, period: Day)]) -> [PostgresValue] {
    let count = coupons.count
    var ids = PostgresColumn(.text, reserving: count, of: 32)
    var policies = PostgresColumn(.int, reserving: count, of: 4)
    var users = PostgresColumn(.text, reserving: count, of: 16)
    var periods = PostgresColumn(.date, reserving: count, of: 4)
    var days = PostgresColumn(.date, reserving: count, of: 4)
    var ranks = PostgresColumn(.int, reserving: count, of: 4)
    var times = PostgresColumn(.timestamptz, reserving: count, of: 8)
    var events = PostgresColumn(.text, reserving: count, of: 32)
    for (coupon, period) in coupons {
      let claim = coupon.claim
      ids.append(claim.couponID)
      policies.append(int: claim.policyID.value)
      users.append(text: claim.userID.description)
      periods.append(day: period.number)
      days.append(day: claim.day.number)
      ranks.append(rank: coupon.rank)
      times.append(microseconds: claim.issuedAt.microseconds)
      events.append(claim.eventID)
    }
    return [ids, policies, users, periods, days, ranks, times, events].map { .column($0) }
  }
}

extension PostgresColumn {
  fileprivate mutating func append(_ id: some HexIdentifier) {
    append(length: 32) { id.appendText(to: &$0) }
  }

  fileprivate mutating func append(rank: Int?) {
    if let rank { append(int: Int32(rank)) } else { appendNull() }
  }
}
