import TestSupport
import CouponDomain
import CouponStore
import EventLoop
import Kafka
import Postgres
import PrivateServers
import Testing
import Text
import LabTestSupport
import Laboratory
import Terminal
import History
import Verify
import Operations

@Suite(.limited) struct ProjectionTests {
  private static func events(_ policy: Policy, winners: Int, perPerson: PerPerson = .once) throws -> [(
    sequence: Int64, rank: Int?, payload: [UInt8]
  )] {
    let key = try unwrap(CouponKey("a secret of the tests"))
    let created = PolicyCreated(eventID: EventID(high: 0, low: 1), policy: policy, key: key)
    return [(1, nil, LogCodec.encode(created))]
      + (try (0..<winners).map { winner in
        let claim = try SyntheticRun.claim(winner, day: policy.startsOn)
        return (Int64(winner + 2), winner + 1, LogCodec.encode(claim))
      })
  }

  @Test func eventsMakeTheTables() throws {
    let policy = try SyntheticRun(.eda).evidence.policy
    let projection = try #require(try Projection(events: ProjectionTests.events(policy, winners: 5)))
    #expect(projection.policy == policy)
    #expect(projection.coupons.count == 5)
    #expect(projection.issued == [policy.startsOn: 5])
    #expect(projection.differences(from: projection).count == 0)
    #expect(try Projection(events: []) == nil)
  }

  @Test func everyDifferenceIsFound() throws {
    let policy = try SyntheticRun(.eda).evidence.policy
    let right = try #require(try Projection(events: ProjectionTests.events(policy, winners: 5)))
    let shorter = try #require(try Projection(events: ProjectionTests.events(policy, winners: 4)))
    // A coupon and a counter.
    #expect(right.differences(from: shorter).count == 2)
    #expect(shorter.differences(from: right).count == 2)
    #expect(right.differences(from: nil).count == 1)
    #expect(right.differences(from: Projection(policy.renumbered(try unwrap(PolicyID(8))))).count == 7)
    var other = right
    let first = try SyntheticRun.claim(0, day: policy.startsOn)
    other.put(Coupon(claim: first, rank: 2), period: policy.startsOn)
    #expect(right.differences(from: other).lines == ["policy 7: the coupon of p0 differs from its event"])
  }

  @Test func eventsThatCannotBeAreRefused() throws {
    let policy = try SyntheticRun(.eda).evidence.policy
    let events = try ProjectionTests.events(policy, winners: 2)
    let wrong: [[(sequence: Int64, rank: Int?, payload: [UInt8])]] = [
      Array(events.dropFirst()), events + [events[0]], events + [events[2]], events + [(9, nil, [1, 2])],
    ]
    for list in wrong { #expect(throws: Projection.Unreadable.self) { try Projection(events: list) } }
  }
}

/// Over real tables, and the embedded broker.
@Suite(.limited) struct RebuildTests {
  @LoopActor
  private struct Tables {
    let pool: PostgresPool
    let policy: Policy
    let key: CouponKey

    /// A schema of its own with one policy and some coupons, as the worker writes them: with ranks, or where Redis decides.
    init(coupons: Int, ranked: Bool = true) async throws {
      let server = try await TestServers.postgres()
      var ids = EventIDSource()
      let schema = try unwrap(Schema("rebuild_\(ids.next())"))
      pool = PostgresPool(
        configuration: try PostgresConfiguration(url: server.url), size: 2, maxWaiting: 16,
        sessionSettings: schema.sessionSettings, name: "rebuild tests")
      try await schema.prepare(pool, ranksAreUnique: ranked, deadline: .now + .seconds(20))
      policy = try SyntheticRun(.eda).evidence.policy
      key = try unwrap(CouponKey("a secret of the tests"))
      var record = BatchRecord(topic: Names.topic, partition: 0)
      let created = PolicyCreated(eventID: ids.next(), policy: policy, key: key)
      record.add(created, payload: LogCodec.encode(created))
      for number in 0..<coupons {
        let user = try unwrap(UserID("p\(number)"))
        let claim = CouponClaim(
          eventID: ids.next(), couponID: key.couponID(of: user, on: policy.startsOn, policy),
          policyID: policy.id, userID: user, day: policy.startsOn,
          issuedAt: Timestamp(microseconds: SyntheticRun.start.microseconds + Int64(number)))
        record.add(
          Coupon(claim: claim, rank: number + 1), of: policy, issued: number + 1,
          payload: LogCodec.encode(claim))
      }
      let statements = ranked ? record.statements : record.statementsWithoutDeciding
      try await pool.transaction(deadline: .now + .seconds(20)) { _ = try await $0.finish(statements) }
    }

    @discardableResult
    func run(_ sql: String) async throws -> PostgresRows {
      try await pool.query(PostgresStatement(sql), [], deadline: .now + .seconds(20))
    }
  }

  @Test(arguments: [true, false]) func projectionsAreComparedAndReplaced(ranked: Bool) async throws {
    try await onLoop {
      let tables = try await Tables(coupons: 5, ranked: ranked)
      let rebuild = ProjectionRebuild(tables.pool)
      var outcome = try await rebuild.compare()
      #expect((outcome.policies, outcome.coupons, outcome.differences) == (1, 5, 0))
      try await tables.run("DELETE FROM coupon WHERE user_id = 'p1'")
      try await tables.run("UPDATE coupon SET day = day + 1 WHERE user_id = 'p2'")
      try await tables.run("UPDATE policy_day SET issued = 9 WHERE issued = 5")
      try await tables.run("UPDATE policy SET name = 'another'")
      outcome = try await rebuild.compare()
      #expect(outcome.differences == 4)
      #expect(try await rebuild.apply().differences == 4)
      outcome = try await rebuild.compare()
      #expect((outcome.coupons, outcome.differences) == (5, 0))
      #expect(try await tables.run("SELECT count(rank) FROM coupon").int(0, 0) == (ranked ? 5 : 0))
      // Days without a coupon are there again too.
      #expect(try await tables.run("SELECT count(*) FROM policy_day").int(0, 0) == 3)
      await tables.pool.close()
    }
  }

  @LoopActor
  private func send(_ entries: [LogEntry], of policy: PolicyID, to log: LabState.Log) async throws {
    let key = Names.logKey(of: policy)
    let reported = Completion<Void>()
    var count = 0
    let producer = try KafkaProducer(
      configuration: KafkaConfiguration(brokers: log.brokers, clientID: "test")
    ) { _, _ in
      count += 1
      if count == entries.count { reported.succeed(()) }
    }
    for (index, entry) in entries.enumerated() {
      try producer.produce(
        topic: Names.topic, partition: murmur2Partition(key: key, partitions: 4), key: key,
        value: LogCodec.encode(entry), id: UInt64(index))
    }
    try await reported.value(deadline: .now + .seconds(20))
    await producer.close(deadline: .now + .seconds(5))
  }

  /// A worker with another key made dead letters of the claims 3, 4 and 5, and went on with the right one at 6.
  @Test func deadLettersAreDecidedAgainInTheOrderOfTheLog() async throws {
    try await onLoop {
      let tables = try await Tables(coupons: 0)
      let broker = try KafkaMockBroker(topic: Names.topic, partitions: 4)
      let log = LabState.Log(brokers: broker.bootstrapServers, kind: .named, partitions: 4)
      let (policy, key) = (tables.policy, tables.key)
      let partition = murmur2Partition(key: Names.logKey(of: policy.id), partitions: 4)
      let stored = try await EventSQL.events(
        of: policy.id, after: 0, limit: 1, in: tables.pool, deadline: .now + .seconds(5))
      let created = try LogCodec.decode(try #require(stored.first).payload)
      var ids = EventIDSource()
      let claims = try (1...7).map { number in
        let user = try unwrap(UserID("p\(number)"))
        return CouponClaim(
          eventID: ids.next(), couponID: key.couponID(of: user, on: policy.startsOn, policy),
          policyID: policy.id, userID: user, day: policy.startsOn,
          issuedAt: Timestamp(microseconds: SyntheticRun.start.microseconds + Int64(number)))
      }
      let forged = CouponClaim(
        eventID: ids.next(), couponID: claims[0].couponID, policyID: policy.id, userID: claims[1].userID,
        day: policy.startsOn, issuedAt: claims[0].issuedAt)
      try await send(
        [created] + claims.map { .claim($0) } + [.claim(forged)], of: policy.id, to: log)
      var record = BatchRecord(topic: Names.topic, partition: partition)
      var rank = 0
      for (index, claim) in claims.enumerated() {
        if (2...4).contains(index) {
          record.add(
            deadLetter: "not the coupon id of person and period", offset: Int64(index + 1),
            payload: LogCodec.encode(claim))
        } else {
          rank += 1
          record.add(
            Coupon(claim: claim, rank: rank), of: policy, issued: rank, payload: LogCodec.encode(claim))
        }
      }
      record.add(deadLetter: "forged", offset: 8, payload: LogCodec.encode(forged))
      let statements = record.statements
      try await tables.pool.transaction(deadline: .now + .seconds(20)) {
        _ = try await $0.finish(
          statements
            + OffsetSQL.replace(
              topic: Names.topic, with: [OffsetRow(partition: partition, nextOffset: 9, firstHash: nil)]))
      }
      let rebuild = DeadLetterRebuild(tables.pool, log, topic: Names.topic, key: key)
      let outcome = try await rebuild.run()
      #expect((outcome.before, outcome.after, outcome.added) == (4, 1, 3))
      // The day's five are the log's first five: two that came in their place go.
      #expect((outcome.changed, outcome.removed) == (0, 2), "\(outcome.lines)")
      let ranks = try await tables.run("SELECT string_agg(user_id, ',' ORDER BY rank) FROM coupon")
      #expect(ranks.text(0, 0) == "p1,p2,p3,p4,p5")
      #expect(try await tables.run("SELECT max(issued) FROM policy_day").int(0, 0) == 5)
      #expect(try await tables.run("SELECT count(*) FROM coupon_event").int(0, 0) == 6)
      #expect(try await tables.run("SELECT count(*) FROM dead_letter").int(0, 0) == 1)
      #expect(try await ProjectionRebuild(tables.pool).compare().differences == 0)
      // The stream only grows again, and a second time changes nothing.
      await #expect(throws: PostgresError.self) { try await tables.run("DELETE FROM coupon_event") }
      let again = try await rebuild.run()
      #expect((again.after, again.added, again.changed, again.removed) == (1, 0, 0, 0))
      await tables.pool.close()
      withExtendedLifetime(broker) {}
    }
  }

  /// An API went on with a topic that was made anew, and promised coupons of a policy that the database has never seen.
  @Test func aTopicThatHoldsOtherPoliciesIsFilledBehindThem() async throws {
    try await onLoop {
      let tables = try await Tables(coupons: 5)
      let broker = try KafkaMockBroker(topic: Names.topic, partitions: 4)
      let log = LabState.Log(brokers: broker.bootstrapServers, kind: .named, partitions: 4)
      var ids = EventIDSource()
      let known = tables.policy
      let other = try unwrap(PolicyID(Int(known.id.value) + 1))
      let policy = try Policy(
        id: other, name: "new", startsOn: known.startsOn, endsOn: known.endsOn, opensAt: known.opensAt,
        timeZone: known.timeZone, dailyQuota: 9, perPerson: .once)
      let created = PolicyCreated(eventID: ids.next(), policy: policy, key: tables.key)
      try await send([.policyCreated(created)], of: other, to: log)
      #expect(try await LogRebuild(tables.pool, log, topic: Names.topic).run() == 6)
      let rows = try await OffsetSQL.all(topic: Names.topic, in: tables.pool, deadline: .now + .seconds(5))
      let partition = murmur2Partition(key: Names.logKey(of: other), partitions: 4)
      for row in rows { #expect(row.nextOffset == (row.partition == partition ? 0 : 6)) }
      #expect(rows.contains { $0.partition == partition && $0.firstHash != nil })
      await tables.pool.close()
      withExtendedLifetime(broker) {}
    }
  }

  @Test func aNewLogIsFilledOnceAndFoldsToTheSameList() async throws {
    try await onLoop {
      let tables = try await Tables(coupons: 5)
      let broker = try KafkaMockBroker(topic: Names.topic, partitions: 4)
      let log = LabState.Log(brokers: broker.bootstrapServers, kind: .embedded, partitions: 4)
      try await tables.run(
        "INSERT INTO consumer_offset (topic, partition, next_offset, first_hash) VALUES ('\(Names.topic)', 0, 99, 'x')"
      )
      try await tables.run(
        "INSERT INTO dead_letter (topic, partition, \"offset\", reason, payload) VALUES ('\(Names.topic)', 0, 3, 'x', 'x')"
      )
      #expect(try await LogRebuild(tables.pool, log, topic: Names.topic).run() == 6)
      let partition = murmur2Partition(key: Names.logKey(of: tables.policy.id), partitions: 4)
      let rows = try await OffsetSQL.all(topic: Names.topic, in: tables.pool, deadline: .now + .seconds(5))
      #expect(rows.map(\.partition) == [partition])
      #expect(rows.map(\.nextOffset) == [6])
      let admin = try KafkaAdmin(configuration: KafkaConfiguration(brokers: log.brokers, clientID: "test"))
      let first = try await admin.firstMessage(
        of: Names.topic, partition: partition, deadline: .now + .seconds(10))
      let message = try #require(first)
      #expect(
        rows.first?.firstHash
          == LogTopic.firstHash(value: message.value, timestampMilliseconds: message.timestamp))
      #expect(try await tables.run("SELECT count(*) FROM dead_letter").int(0, 0) == 0)
      // Never twice.
      await #expect(throws: LabFailure.self) {
        _ = try await LogRebuild(tables.pool, log, topic: Names.topic).run()
      }
      await admin.close()
      await tables.pool.close()
      withExtendedLifetime(broker) {}
    }
  }
}
