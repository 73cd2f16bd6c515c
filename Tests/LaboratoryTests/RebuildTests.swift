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
