import CouponDomain
import CouponLog
import CouponStore
import CouponWorker
import EventLoop
import Kafka
import Postgres
import TestSupport
import Testing
import Text

/// The worker's tables go back in time (a restore, a failover to a replica that lags) while it runs.
@Suite(.limited) struct OlderDatabaseTests {
  static let topic = "log"

  /// A writer, and a log that it applies batch by batch.
  @LoopActor
  struct Play {
    let writer: BatchWriter
    let log: [KafkaMessage]

    init(_ pool: PostgresPool, decides: Bool = true) {
      writer = BatchWriter(
        pool, topic: OlderDatabaseTests.topic, empty: Sample.ledger, decides: decides,
        fold: { BatchResult($0, over: $1, decides: $2) })
      let policy = Sample.policy(quota: 3)
      let created = LogEntry.policyCreated(
        PolicyCreated(eventID: EventID(high: 9, low: 9), policy: policy, key: Sample.key))
      let claims = ["ann", "bob", "cem", "dan"].enumerated().map { number, name in
        LogEntry.claim(Sample.claim(UInt64(number + 1), name, policy))
      }
      log = ([created] + claims).enumerated().map { offset, entry in
        KafkaMessage(
          partition: 0, offset: Int64(offset), timestamp: 1, key: [], value: LogCodec.encode(entry))
      }
    }

    func apply(_ range: Range<Int>) async throws -> BatchOutcome {
      let messages = Array(log[range])
      let batch = try #require(
        WorkerBatch(partition: 0, messages.map { (offset: $0.offset, record: LogCodec.read($0.value)) }))
      return try await writer.apply(batch, messages)
    }

    /// Reads on from where the database stands, as the worker does.
    func follow(from start: Int) async throws {
      var next = start
      while next < log.count {
        switch try await apply(next..<min(next + 2, log.count)) {
        case .applied(let result): next = Int(result.next)
        case .seek(let offset): next = Int(offset)
        case .stop(let problem): throw TestFailure(problem.explanation)
        }
      }
    }
  }

  @Test(arguments: [true, false]) func whatWasWrittenBeforeIsWrittenAgain(decides: Bool) async throws {
    try await TestDatabase.with { database in
      let play = Play(database.pool, decides: decides)
      guard case .applied = try await play.apply(0..<2) else { throw TestFailure("not applied") }
      // As it was before everything.
      try await database.run("DROP SCHEMA \(database.schema.name) CASCADE")
      try await database.schema.prepare(database.pool, deadline: database.deadline)
      try await play.follow(from: 2)
      #expect(try await database.count("policy") == 1)
      #expect(try await database.count("policy_day") == 2)
      #expect(try await database.count("coupon_event WHERE type = 'PolicyCreated'") == 1)
      let coupons: Int64 = decides ? 3 : 4
      #expect(try await database.count("coupon") == coupons)
      #expect(try await database.run("SELECT sum(issued) FROM policy_day").int(0, 0) == coupons)
      #expect(try await database.count("dead_letter") == 0)
    }
  }

  /// It was sought there long ago, and another worker has gone on from there before the partition came back.
  @Test(arguments: [true, false]) func whereItWasSoughtBeforeIsNoGap(isGivenAnew: Bool) async throws {
    try await TestDatabase.with { database in
      let (first, second) = (Play(database.pool), Play(database.pool))
      guard case .applied = try await first.apply(0..<2) else { throw TestFailure("not applied") }
      guard case .seek(2) = try await first.apply(0..<1) else { throw TestFailure("not sought") }
      guard case .applied = try await second.apply(2..<3) else { throw TestFailure("not applied") }
      // The first one begins at 3, and the database goes back to where that was sought once.
      if isGivenAnew { first.writer.begin([0]) }
      try await database.run("UPDATE consumer_offset SET next_offset = 2")
      switch try await first.apply(3..<4) {
      case .seek(let offset): #expect(isGivenAnew && offset == 2)
      case .stop(let problem): #expect(!isGivenAnew && problem == .gap(expected: 2, found: 3))
      case .applied: Issue.record("applied")
      }
    }
  }

  /// A policy without its counters is no state that the log ever leads to.
  @Test(arguments: [true, false]) func aCounterThatIsGoneIsNoticed(decides: Bool) async throws {
    try await TestDatabase.with { database in
      let play = Play(database.pool, decides: decides)
      guard case .applied = try await play.apply(0..<2) else { throw TestFailure("not applied") }
      try await database.run("DELETE FROM policy_day")
      await #expect(throws: (any Error).self) { _ = try await play.apply(2..<4) }
      // Nothing of that batch was written.
      #expect(try await database.count("coupon") == 1)
      #expect(try await database.run("SELECT next_offset FROM consumer_offset").int(0, 0) == 2)
    }
  }
}
