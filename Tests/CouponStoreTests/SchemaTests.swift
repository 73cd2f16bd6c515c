import TestSupport
import CouponDomain
import CouponStore
import EventLoop
import Postgres
import Testing
import Text

@Suite(.limited) struct SchemaTests {
  @Test func namesAreBounded() {
    for name in ["monolith", "eda", "lab_7_eda", "_x", String(repeating: "a", count: 63)] {
      #expect(Schema(name)?.name == name)
    }
    for name in ["", "7lab", "Lab", "a-b", "a b", "a\"b", "a;drop", "é", String(repeating: "a", count: 64)] {
      #expect(Schema(name) == nil, "\(name)")
    }
    #expect(Schema.monolith.sessionSettings == ["search_path": "\"monolith\""])
  }

  @Test func theTablesOfTheDesignAreThere() async throws {
    try await TestDatabase.with { database in
      let rows = try await database.run(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = $1 ORDER BY table_name",
        [.text(database.schema.name)])
      #expect(
        (0..<rows.count).map { rows.text($0, 0) } == [
          "booking", "consumer_offset", "coupon", "coupon_event", "coupon_key", "dead_letter", "policy",
          "policy_day",
          "schema_migration", "stay",
        ])
    }
  }

  @Test func preparingAgainChangesNothing() async throws {
    try await TestDatabase.with { database in
      try await database.run("UPDATE stay SET rooms_left = 7 WHERE stay_id = 1")
      try await database.schema.prepare(database.pool, deadline: database.deadline)
      #expect(try await database.run("SELECT rooms_left FROM stay WHERE stay_id = 1").int(0, 0) == 7)
      #expect(try await database.count("stay") == 6)
      #expect(try await database.count("schema_migration") == 2)
    }
  }

  /// A mistyped schema knows nothing of a log that another one has applied.
  @Test func anotherSchemaThatRemembersALogIsFound() async throws {
    try await TestDatabase.with { right in
      try await TestDatabase.with(prepared: false) { mistyped in
        let (topic, pool, deadline) = ("log.\(right.schema.name)", mistyped.pool, mistyped.deadline)
        func other() async throws -> Schema? {
          try await OffsetSQL.schema(
            thatRemembers: topic, besides: mistyped.schema, in: pool, deadline: deadline)
        }
        try await right.commit(OffsetSQL.lock(topic: topic, partition: 3))
        #expect(try await other() == nil)
        try await right.commit([OffsetSQL.advance(topic: topic, partition: 3, to: 5, firstHash: nil)])
        #expect(try await other() == right.schema)
        let own = try await OffsetSQL.schema(
          thatRemembers: topic, besides: right.schema, in: right.pool, deadline: deadline)
        #expect(own == nil)
      }
    }
  }

  @Test func severalProgramsPrepareAtOnce() async throws {
    try await TestDatabase.with(prepared: false) { database in
      let tasks = (0..<4).map { _ in
        let done = Completion<Void>()
        EventLoop.shared.spawn {
          do {
            try await database.schema.prepare(database.pool, deadline: database.deadline)
            done.succeed(())
          } catch { done.fail(error) }
        }
        return done
      }
      for task in tasks { try await task.value() }
      #expect(try await database.count("schema_migration") == 2)
    }
  }

  @Test func tablesOfANewerProgramAreLeftAlone() async throws {
    try await TestDatabase.with { database in
      try await database.run("INSERT INTO schema_migration (version) VALUES (99)")
      await #expect(throws: SchemaError.newer(found: 99, known: 2)) {
        try await database.schema.prepare(database.pool, deadline: database.deadline)
      }
    }
  }

  @Test func theIndexOnRanksFollowsTheStrategy() async throws {
    try await TestDatabase.with { database in
      let hasIndex = { @LoopActor () async throws in
        try await database.run("SELECT to_regclass('coupon_rank') IS NOT NULL").bool(0, 0)
      }
      #expect(try await hasIndex() == true)
      try await database.schema.prepare(database.pool, ranksAreUnique: false, deadline: database.deadline)
      #expect(try await hasIndex() == false)
      try await database.schema.prepare(database.pool, deadline: database.deadline)
      #expect(try await hasIndex() == true)
      // Tables with something in them stay what they are.
      try await database.run("INSERT INTO consumer_offset (topic, partition, next_offset) VALUES ('t', 0, 1)")
      await #expect(throws: SchemaError.otherStrategy(ranksAreUnique: true)) {
        try await database.schema.prepare(database.pool, ranksAreUnique: false, deadline: database.deadline)
      }
      #expect(try await hasIndex() == true)
    }
  }

  @Test func tablesOfAnotherKeyAreRefused() async throws {
    try await TestDatabase.with { database in
      let (key, other) = (try Make.key(), try #require(CouponKey("another key of the tests")))
      try await database.schema.prepare(database.pool, key: key, deadline: database.deadline)
      try await database.schema.prepare(database.pool, key: key, deadline: database.deadline)
      await #expect(throws: SchemaError.otherKey) {
        try await database.schema.prepare(database.pool, key: other, deadline: database.deadline)
      }
      #expect(try await database.run("SELECT hash FROM coupon_key").bytes(0, 0) == key.hash)
      let isOther = { @LoopActor (key: CouponKey) async throws in
        try await KeySQL.isOther(than: key, in: database.pool, deadline: database.deadline)
      }
      #expect(try await isOther(key) == false)
      #expect(try await isOther(other) == true)
    }
  }

  /// Tables of a program that did not write its key down yet.
  @Test func tablesFromBeforeKnowTheirKeyByTheirPolicies() async throws {
    try await TestDatabase.with { database in
      let (key, other) = (try Make.key(), try #require(CouponKey("another key of the tests")))
      for id in 1...2 {
        let created = PolicyCreated(
          eventID: EventID(high: 1, low: UInt64(id)), policy: try Make.policy(id), key: id == 1 ? key : other)
        _ = try await PolicySQL.create(created, in: database.pool, deadline: database.deadline)
        await #expect(throws: SchemaError.otherKey) {
          try await database.schema.prepare(database.pool, key: other, deadline: database.deadline)
        }
        #expect(try await database.count("coupon_key") == 0)
      }
      // Where its policies differ, no key is right.
      await #expect(throws: SchemaError.otherKey) {
        try await database.schema.prepare(database.pool, key: key, deadline: database.deadline)
      }
      #expect(try await KeySQL.isOther(than: key, in: database.pool, deadline: database.deadline) == false)
    }
  }

  @Test func theEventsTableOnlyGrows() async throws {
    try await TestDatabase.with { database in
      let policy = try Make.policy()
      let created = PolicyCreated(eventID: EventID(high: 1, low: 1), policy: policy, key: try Make.key())
      _ = try await PolicySQL.create(created, in: database.pool, deadline: database.deadline)
      for sql in [
        "UPDATE coupon_event SET rank = 1", "DELETE FROM coupon_event", "TRUNCATE coupon_event",
        "DELETE FROM coupon_event WHERE false",
      ] {
        let error = await #expect(throws: PostgresError.self) { try await database.run(sql) }
        #expect(error?.sqlState == "55000", "\(sql)")
      }
      #expect(try await database.count("coupon_event") == 1)
    }
  }

  @Test func aSchemaCanBeDroppedAndMadeAnew() async throws {
    try await TestDatabase.with { database in
      try await database.schema.drop(database.pool, deadline: database.deadline)
      try await database.schema.drop(database.pool, deadline: database.deadline)
      try await database.schema.prepare(database.pool, deadline: database.deadline)
      #expect(try await database.count("policy") == 0)
    }
  }
}
