import TestSupport
import CouponDomain
import CouponStore
import EventLoop
import Postgres
import Testing
import Text

/// The worker's transaction, and that it decides like a fold of the whole log.
@Suite(.limited) struct BatchSQLTests {
  private static let topic = "topic of the tests"

  /// One batch, as the worker applies it: lock, load, fold, write, next offset.
  @LoopActor
  private func apply(_ messages: [[UInt8]], from first: Int64, in database: TestDatabase) async throws {
    let entries = messages.map { try? LogCodec.decode($0) }
    try await database.pool.transaction(deadline: database.deadline) { transaction in
      let ids = Set(entries.compactMap { $0?.policyID })
      let locked = try await transaction.run(
        OffsetSQL.lock(topic: Self.topic, partition: 0) + [BatchSQL.policies(ids)])
      #expect(try OffsetSQL.read(locked[1]).nextOffset == first)
      var ledger = LogLedger(key: try Make.key()) { _ in 0 }
      for policy in try BatchSQL.readPolicies(locked[2]) { ledger.seed(policy) }
      let (people, days) = needs(entries, ledger)
      let loaded = try await transaction.run([BatchSQL.counters(days), BatchSQL.coupons(people)])
      for (day, issued) in try BatchSQL.readCounters(loaded[0]) {
        ledger.seed(issued: issued, on: day.day, of: day.policyID)
      }
      for coupon in try BatchSQL.readCoupons(loaded[1]) { ledger.seed(coupon) }

      var record = BatchRecord(topic: Self.topic, partition: 0)
      for (index, message) in messages.enumerated() {
        switch ledger.apply(message, partition: 0) {
        case .policyCreated(let created): record.add(created, payload: message)
        case .issued(let coupon):
          let of = try #require(ledger[coupon.claim.policyID])
          record.add(coupon, of: of.policy, issued: of.issued(on: coupon.claim.day), payload: message)
        case .deadLetter(let reason):
          record.add(deadLetter: reason, offset: first + Int64(index), payload: message)
        case .dropped, .duplicatePolicy: break
        case .stop(let reason): Issue.record("\(reason)")
        }
      }
      let next = first + Int64(messages.count)
      let offset = OffsetSQL.advance(topic: Self.topic, partition: 0, to: next, firstHash: [1, 2, 3])
      _ = try await transaction.finish(record.statements + [offset])
    }
  }

  private func needs(_ entries: [LogEntry?], _ ledger: LogLedger) -> (Set<PersonPeriod>, Set<PolicyDay>) {
    var people: Set<PersonPeriod> = []
    var days: Set<PolicyDay> = []
    for case .claim(let claim)? in entries {
      guard let policy = ledger[claim.policyID]?.policy else { continue }
      people.insert(PersonPeriod(policy.id, claim.userID, policy.period(of: claim.day)))
      days.insert(PolicyDay(policy.id, claim.day))
    }
    return (people, days)
  }

  private func log(seed: UInt64) throws -> [[UInt8]] {
    var random = SeededGenerator(seed: seed)
    let policies = try [Make.policy(1, quota: 4), Make.policy(2, quota: 3, perPerson: .daily)]
    var messages = try policies.enumerated().map {
      LogCodec.encode(
        PolicyCreated(eventID: EventID(high: 5, low: UInt64($0)), policy: $1, key: try Make.key()))
    }
    for event in 1...120 as ClosedRange<UInt64> {
      let policy = try #require(policies.randomElement(using: &random))
      let name = "p\(Int.random(in: 1...12, using: &random))"
      let day = policy.startsOn.advanced(by: Int.random(in: -1...3, using: &random))
      messages.append(LogCodec.encode(try Make.claim(name, day.description, of: policy, event: event)))
      if Int.random(in: 0..<10, using: &random) == 0 { messages.append(Array("poison {".utf8)) }
      if Int.random(in: 0..<20, using: &random) == 0 { messages.append(messages[messages.count - 1]) }
    }
    return messages
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func batchesOfAnySizeRecordWhatTheWholeLogSays(_ seed: UInt64) async throws {
    let messages = try log(seed: seed)
    try await TestDatabase.with { database in
      var random = SeededGenerator(seed: seed)
      var first = 0
      while first < messages.count {
        let next = min(messages.count, first + Int.random(in: 1...25, using: &random))
        try await apply(Array(messages[first..<next]), from: Int64(first), in: database)
        first = next
      }
      try await compare(messages, database)
    }
  }

  @LoopActor
  private func compare(_ messages: [[UInt8]], _ database: TestDatabase) async throws {
    var ledger = LogLedger(key: try Make.key()) { _ in 0 }
    var deadLetters: [Int64] = []
    for (offset, message) in messages.enumerated() {
      if case .deadLetter = ledger.apply(message, partition: 0) { deadLetters.append(Int64(offset)) }
    }
    let (pool, deadline) = (database.pool, database.deadline)
    for policy in ledger.policies {
      let fold = try #require(ledger[policy.id])
      let rows = try await AuditSQL.coupons(of: policy.id, in: pool, deadline: deadline)
      let expected = fold.days.flatMap { fold.coupons(on: $0) }
      #expect(Set(rows.map(\.coupon)) == Set(expected) && rows.count == expected.count)
      #expect(rows.allSatisfy { $0.period == policy.period(of: $0.coupon.claim.day) })
      for day in try await AuditSQL.days(of: policy.id, in: pool, deadline: deadline) {
        #expect(day.issued == fold.issued(on: day.day) && day.quota == policy.dailyQuota)
      }
      let events = try await EventSQL.events(
        of: policy.id, after: 0, limit: 1_000, in: pool, deadline: deadline)
      #expect(events.count == expected.count + 1)
      let claims = events.dropFirst().map { try? LogCodec.decode($0.payload) }
      #expect(claims.allSatisfy { if case .claim? = $0 { true } else { false } })
    }
    let letters = try await AuditSQL.deadLetters(topic: Self.topic, in: pool, deadline: deadline)
    #expect(letters.map(\.offset) == deadLetters)
    let offsets = try await OffsetSQL.all(topic: Self.topic, in: pool, deadline: deadline)
    #expect(offsets == [OffsetRow(partition: 0, nextOffset: Int64(messages.count), firstHash: [1, 2, 3])])
  }

  @Test func theFirstHashStaysUntilTheLogIsRebuilt() async throws {
    try await TestDatabase.with { database in
      let row = { @LoopActor () async throws in
        try await OffsetSQL.all(topic: "t", in: database.pool, deadline: database.deadline)
      }
      let locked = try await database.commit(OffsetSQL.lock(topic: "t", partition: 3))
      #expect(try OffsetSQL.read(locked[1]) == OffsetRow(partition: 3, nextOffset: 0, firstHash: nil))
      try await database.commit([OffsetSQL.advance(topic: "t", partition: 3, to: 5, firstHash: nil)])
      #expect(try await row() == [OffsetRow(partition: 3, nextOffset: 5, firstHash: nil)])
      try await database.commit([OffsetSQL.advance(topic: "t", partition: 3, to: 6, firstHash: [1])])
      try await database.commit([OffsetSQL.advance(topic: "t", partition: 3, to: 7, firstHash: [2])])
      #expect(try await row() == [OffsetRow(partition: 3, nextOffset: 7, firstHash: [1])])
      let anew = [
        OffsetRow(partition: 0, nextOffset: 2, firstHash: [9]),
        OffsetRow(partition: 1, nextOffset: 0, firstHash: nil),
      ]
      try await database.commit(OffsetSQL.replace(topic: "t", with: anew))
      #expect(try await row() == anew)
    }
  }

  @Test func projectionsAreMadeAnewFromTheSameEvents() async throws {
    let messages = try log(seed: 9)
    try await TestDatabase.with { database in
      try await apply(messages, from: 0, in: database)
      let events = try await database.count("coupon_event")
      var ledger = LogLedger(key: try Make.key()) { _ in 0 }
      var record = BatchRecord(topic: Self.topic, partition: 0)
      for message in messages {
        switch ledger.apply(message, partition: 0) {
        case .policyCreated(let created): record.add(created, payload: message)
        case .issued(let coupon):
          let of = try #require(ledger[coupon.claim.policyID])
          record.add(coupon, of: of.policy, issued: of.issued(on: coupon.claim.day), payload: message)
        default: break
        }
      }
      try await database.run("UPDATE coupon SET rank = rank + 100")
      let cleared = ledger.policies.flatMap { AuditSQL.clearProjections(of: $0.id) }
      try await database.commit(cleared + record.projections)
      #expect(try await database.count("coupon_event") == events)
      try await compare(messages, database)
    }
  }

  @Test func aBatchThatWasRecordedBeforeViolatesAUniqueIndex() async throws {
    try await TestDatabase.with { database in
      let policy = try Make.policy()
      let claim = try Make.claim("ann", of: policy)
      var record = BatchRecord(topic: "t", partition: 0)
      record.add(Coupon(claim: claim, rank: 1), of: policy, issued: 1, payload: LogCodec.encode(claim))
      record.add(deadLetter: "over-long", offset: 3, payload: [UInt8](repeating: 0, count: 1 << 20))
      let calls = record.statements
      try await database.commit(calls)
      let error = await #expect(throws: PostgresError.self) { try await database.commit(calls) }
      #expect(error?.isUniqueViolation == true)
      let length = try await database.run("SELECT length(payload) FROM dead_letter").int(0, 0)
      #expect(length == Int64(BatchRecord.maximumDeadLetterBytes))
    }
  }

  @Test func whereRedisDecidesTheFirstOfAPersonIsKept() async throws {
    try await TestDatabase.with(ranksAreUnique: false) { database in
      let policy = try Make.policy(quota: 1)
      let created = PolicyCreated(eventID: EventID(high: 1, low: 1), policy: policy, key: try Make.key())
      var first = BatchRecord(topic: "t", partition: 0)
      first.add(created, payload: LogCodec.encode(created))
      let claims = try ["ann", "bob", "ann"].enumerated().map {
        try Make.claim($1, of: policy, event: UInt64($0 + 10))
      }
      for claim in claims + [claims[1]] {
        first.add(Coupon(claim: claim, rank: nil), of: policy, issued: 0, payload: LogCodec.encode(claim))
      }
      try await database.commit(first.statementsWithoutDeciding)
      var second = BatchRecord(topic: "t", partition: 0)
      for claim in try [claims[0], Make.claim("cid", of: policy, event: 20)] {
        second.add(Coupon(claim: claim, rank: nil), of: policy, issued: 0, payload: LogCodec.encode(claim))
      }
      try await database.commit(second.statementsWithoutDeciding)

      let rows = try await AuditSQL.coupons(of: policy.id, in: database.pool, deadline: database.deadline)
      #expect(rows.map(\.coupon.claim.userID.description) == ["ann", "bob", "cid"])
      #expect(rows.map(\.coupon.rank) == [nil, nil, nil])
      #expect(rows[0].coupon.claim == claims[0])
      #expect(try await database.count("coupon_event") == 4)
      let days = try await AuditSQL.days(of: policy.id, in: database.pool, deadline: database.deadline)
      #expect(days[0].issued == 3, "oversold, as this strategy does where Redis is wrong")
    }
  }
}
