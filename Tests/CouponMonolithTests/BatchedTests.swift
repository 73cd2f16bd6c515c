import CouponAPI
import CouponDomain
import CouponMonolith
import EventLoop
import Postgres
import PrivateServers
import TestSupport
import Testing
import Text

/// `for-update-batched`: several people's coupons in one transaction, and what becomes of each when it fails.
@Suite(.serialized, .limited) struct BatchedTests {
  @Test func thoseWhoWaitShareATransaction() async throws {
    try await withMonolith(strategy: .forUpdateBatched) { fixture in
      _ = try await fixture.create(quota: 20)
      let answers = try await fixture.issue(all: (1...200).map { "user-\($0)" })
      #expect(answers.compactMap { $0.created?.rank }.sorted() == Array(1...20))
      #expect(answers.count { $0 == .soldOut } == 180)
      try await fixture.expectLedgersAgree()
      _ = try await fixture.create(2, quota: 200)
      let runs = (1...200).map { number in start { try await fixture.issue("user-\(number)", 2) } }
      for run in runs { #expect(try await run.value().created != nil) }
      let transactions = try #require(
        try await fixture.int("SELECT count(DISTINCT xmin::text) FROM coupon WHERE policy_id = 2"))
      #expect(transactions < 150, "\(transactions)")
      try await fixture.expectLedgersAgree()
    }
  }

  /// The same person twice in a batch, and a batch that fills the day: each hears what follows from those before.
  @Test func eachIsDecidedOnWhatTheOneBeforeHasLeft() async throws {
    try await withMonolith(strategy: .forUpdateBatched) { fixture in
      _ = try await fixture.create(quota: 3)
      try await fixture.lockRow { lock in
        let people = ["a", "b", "a", "c", "d", "b"]
        let runs = try await fixture.batch(people, behind: lock)
        lock.release()
        var answers: [IssueAnswer] = []
        for run in runs { answers.append(try await run.value()) }
        // In which order they stood in the line is not said: a look may be overtaken.
        let created = answers.compactMap(\.created)
        #expect(created.compactMap(\.rank).sorted() == [1, 2, 3])
        for (person, answer) in zip(people, answers) {
          let own = created.filter { $0.claim.userID.description == person }
          #expect(own.count <= 1)
          if let coupon = own.first {
            #expect(answer.created == coupon || answer.existing == coupon)
          } else {
            #expect(answer == .soldOut)
          }
        }
      }
      try await fixture.expectLedgersAgree()
    }
  }

  @Test func nobodyIsAnsweredBeforeTheCommitAndALostOneIsUnknownToEach() async throws {
    try await withMonolith(strategy: .forUpdateBatched) { fixture in
      _ = try await fixture.create(quota: 4)
      let people = ["a", "b", "c", "d", "a", "b"]
      try await fixture.blockCommits { block in
        let runs = try await fixture.batch(people, behind: block)
        #expect(runs.allSatisfy { !$0.isDone })
        try await block.terminate()
        for run in runs { #expect(try await run.value().isUnknown) }
        #expect(try await fixture.int("SELECT count(*) FROM coupon") == 0)
      }
      let again = try await fixture.issue(all: people)
      #expect(again.compactMap { $0.created?.rank }.sorted() == [1, 2, 3, 4])
      #expect(again.count { $0.existing != nil } == 2)
      try await fixture.expectLedgersAgree()
    }
  }

  @Test func aBackendThatDiesUnderTheLockIsNothingDoneToEach() async throws {
    try await withMonolith(strategy: .forUpdateBatched) { fixture in
      _ = try await fixture.create(quota: 10)
      try await fixture.lockRow { lock in
        let runs = try await fixture.batch(["a", "b", "c"], behind: lock)
        try await lock.terminate()
        for run in runs { #expect(try await run.value().isUnavailable) }
      }
      #expect(try await fixture.int("SELECT count(*) FROM coupon") == 0)
      #expect(try await fixture.issue(all: ["a", "b", "c"]).allSatisfy { $0.created != nil })
      try await fixture.expectLedgersAgree()
    }
  }

  @Test func anUnknownCommitThatStandsIsFoundByEach() async throws {
    try await onLoop {
      let server = try await TestServers.ownPostgres()
      let fixture = try await Fixture(server, strategy: .forUpdateBatched)
      _ = try await fixture.create(quota: 10)
      // COMMIT is durable here and then waits for a replica that never comes.
      try await fixture.execute(
        "ALTER SYSTEM SET synchronous_standby_names = 'nobody'", "SELECT pg_reload_conf()")
      try await fixture.until("SELECT current_setting('synchronous_standby_names') = 'nobody'")
      let waiting = "wait_event = 'SyncRep'"
      func lose() async throws {
        try await fixture.until("SELECT count(*) = 1 FROM pg_stat_activity WHERE \(waiting)")
        try await fixture.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE \(waiting)")
      }
      let first = start { try await fixture.issue("first") }
      try await fixture.until("SELECT count(*) = 1 FROM pg_stat_activity WHERE \(waiting)")
      let people = ["a", "b", "c"]
      let runs = people.map { person in start { try await fixture.issue(person) } }
      try await fixture.looksAreDone()
      try await lose()
      #expect(try await first.value().isUnknown)
      try await lose()
      for run in runs { #expect(try await run.value().isUnknown) }
      let ranks = try await fixture.issue(all: people).compactMap { $0.existing?.rank }
      #expect(ranks.sorted() == [2, 3, 4])
      await fixture.close()
      await server.stop()
    }
  }

  @Test func aDeadlineThatPassesInTheLineOrUnderTheLockIsNothingDoneAndHoldsNobodyUp() async throws {
    try await withMonolith(strategy: .forUpdateBatched) { fixture in
      _ = try await fixture.create(quota: 10)
      try await fixture.lockRow { lock in
        let first = start { try await fixture.issue("first") }
        try await lock.untilWaits()
        let hasty = start { try await fixture.issue("hasty", within: .seconds(3)) }
        #expect(try await hasty.value().isUnavailable)
        #expect(!first.isDone)
        lock.release()
        #expect(try await first.value().created?.rank == 1)
      }
      // In the batch itself, while that waits for the row.
      try await fixture.lockRow { lock in
        let runs = try await fixture.batch(
          ["patient", "hasty", "calm"], within: ["hasty": .seconds(4)], behind: lock)
        #expect(try await runs[1].value().isUnavailable)
        #expect(!runs[0].isDone && !runs[2].isDone)
        lock.release()
        #expect(try await runs[0].value().created?.rank == 2)
        #expect(try await runs[2].value().created?.rank == 3)
      }
      #expect(try await fixture.int("SELECT count(*) FROM coupon WHERE user_id = 'hasty'") == 0)
      try await fixture.expectLedgersAgree()
    }
  }

  @Test func aDeadlineThatPassesDuringTheCommitIsUnknownToThatOneOnly() async throws {
    try await withMonolith(strategy: .forUpdateBatched) { fixture in
      _ = try await fixture.create(quota: 10)
      try await fixture.blockCommits { block in
        let runs = try await fixture.batch(
          ["patient", "hasty"], within: ["hasty": .seconds(8)], behind: block)
        #expect(try await runs[1].value().isUnknown)
        #expect(!runs[0].isDone)
        block.release()
        #expect(try await runs[0].value().created?.rank == 1)
      }
      #expect(try await fixture.issue("hasty").existing?.rank == 2)
      try await fixture.expectLedgersAgree()
    }
  }

  /// By a trigger, or because a deadlock was ended.
  @Test(arguments: ["P0001", "40P01"])
  func whatTheServerRefusesOfOneIsThatOnesTroubleAlone(state: String) async throws {
    try await withMonolith { fixture in
      guard case .policy(let policy, _) = try await fixture.create(quota: 10) else {
        throw TestFailure("no policy")
      }
      try await fixture.execute(
        """
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN IF NEW.user_id = 'poison' THEN RAISE 'no' USING ERRCODE = '\(state)'; END IF; RETURN NEW; END $$
        """,
        "CREATE TRIGGER refuse BEFORE INSERT ON coupon FOR EACH ROW EXECUTE FUNCTION refuse()")
      let pool = try await fixture.pool(size: 2)
      let batched = ForUpdateBatched(pool: DecidingPool(pool), maxWaiting: 100)
      let runs = try ["a", "poison", "b", "c"].map { person in
        let claim = try fixture.claim(person, of: policy)
        return start {
          try await batched.decide(claim, hours: .open, of: policy, deadline: .now + .seconds(20))
        }
      }
      for (index, rank) in [(0, 1), (2, 2), (3, 3)] {
        guard case .issued(let coupon) = try await runs[index].value() else { throw TestFailure("\(rank)") }
        #expect(coupon.rank == rank)
      }
      await #expect(throws: PostgresError.self) { _ = try await runs[1].value() }
      await pool.close()
      try await fixture.expectLedgersAgree()
    }
  }

  /// Two days around midnight under `once`, the same people in opposite order: one waits for the other, and no more.
  @Test func theSamePeopleOnTwoDaysDoNotLockEachOtherOut() async throws {
    try await withMonolith { fixture in
      guard case .policy(let policy, _) = try await fixture.create(quota: 10) else {
        throw TestFailure("no policy")
      }
      // Each statement waits before its second row.
      try await fixture.execute(
        """
        CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF coalesce(current_setting('test.seen', true), '') = pg_current_xact_id()::text THEN
          PERFORM pg_advisory_xact_lock_shared(4713); END IF;
        PERFORM set_config('test.seen', pg_current_xact_id()::text, true);
        RETURN NEW; END $$
        """,
        "CREATE TRIGGER wait BEFORE INSERT ON coupon FOR EACH ROW EXECUTE FUNCTION wait()")
      let pool = try await fixture.pool(size: 2)
      var refusals: [String] = []
      pool.onRefusal = { refusals.append($0) }
      let batched = ForUpdateBatched(pool: DecidingPool(pool), maxWaiting: 100)
      var runs: [Completion<Decision>] = []
      try await fixture.with("SELECT pg_advisory_xact_lock(4713)") { block in
        for (day, people) in [("2026-07-01", ["a", "b"]), ("2026-07-02", ["b", "a"])] {
          for person in people {
            let claim = try fixture.claim(person, on: day, of: policy)
            runs.append(
              start {
                try await batched.decide(
                  claim, hours: .open, of: policy, deadline: .now + .seconds(20))
              })
          }
        }
        // Either both have one row, or one waits for the other's first.
        try await fixture.until(
          """
          SELECT count(*) = 2 FROM pg_stat_activity
          WHERE application_name = '\(pool.name)' AND cardinality(pg_blocking_pids(pid)) > 0
          """)
        block.release()
        var decisions: [Result<Decision, any Error>] = []
        for run in runs {
          do { decisions.append(.success(try await run.value())) } catch { decisions.append(.failure(error)) }
        }
        let issued = decisions.count { if case .success(.issued) = $0 { true } else { false } }
        #expect(issued == 2, "\(decisions)")
      }
      await pool.close()
      #expect(!refusals.contains("40P01"), "\(refusals)")
      #expect(try await fixture.int("SELECT count(*) FROM coupon") == 2)
      #expect(
        try await fixture.int(
          "SELECT count(*) FROM coupon_event e JOIN coupon c USING (event_id) WHERE c.rank = e.rank") == 2)
    }
  }

  /// The order of the inserts is nobody's business but the locks': ranks and events keep the order of the line.
  @Test func ranksAndEventsAreInTheOrderOfTheLine() async throws {
    try await withMonolith { fixture in
      guard case .policy(let policy, _) = try await fixture.create(quota: 10) else {
        throw TestFailure("no policy")
      }
      let pool = try await fixture.pool(size: 2)
      let batched = ForUpdateBatched(pool: DecidingPool(pool), maxWaiting: 100)
      let runs = try ["d", "b", "e", "a", "c"].map { person in
        let claim = try fixture.claim(person, of: policy)
        return start {
          try await batched.decide(claim, hours: .open, of: policy, deadline: .now + .seconds(20))
        }
      }
      for run in runs { _ = try await run.value() }
      await pool.close()
      let events =
        "SELECT string_agg(user_id || rank, ',' ORDER BY sequence) FROM coupon_event WHERE rank > 0"
      #expect(try await fixture.text(events) == "d1,b2,e3,a4,c5")
      let coupons = "SELECT string_agg(user_id, ',' ORDER BY ctid) FROM coupon"
      #expect(try await fixture.text(coupons) == "a,b,c,d,e")
      try await fixture.expectLedgersAgree()
    }
  }

  /// Of whom nothing was sent hears that nothing was done, also where it is decided alone.
  @Test func aDeadlineThatPassesBeforeOneIsDecidedAloneIsNothingDone() async throws {
    try await withMonolith { fixture in
      guard case .policy(let policy, _) = try await fixture.create(quota: 10) else {
        throw TestFailure("no policy")
      }
      try await fixture.execute(
        """
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN IF NEW.user_id = 'poison' THEN RAISE 'no'; END IF; RETURN NEW; END $$
        """,
        "CREATE TRIGGER refuse BEFORE INSERT ON coupon FOR EACH ROW EXECUTE FUNCTION refuse()")
      let pool = try await fixture.pool(size: 1)
      let batched = ForUpdateBatched(pool: DecidingPool(pool), maxWaiting: 100)
      let taken = Completion<Void>()
      let deadline = Instant.now + .seconds(6)
      try await fixture.lockRow { lock in
        let runs = try ["late", "poison"].map { person in
          let claim = try fixture.claim(person, of: policy)
          return start {
            try await batched.decide(claim, hours: .open, of: policy, deadline: deadline)
          }
        }
        try await lock.untilWaits()
        // The connection goes to somebody else when the batch has been refused.
        let other = start {
          try await pool.transaction(deadline: .now + .seconds(60)) { _ in try await taken.value() }
        }
        try await until { pool.statistics.waiting == 1 }
        lock.release()
        for run in runs {
          await #expect(throws: PostgresError.deadline) { _ = try await run.value() }
        }
        taken.succeed(())
        try await other.value()
      }
      #expect(try await fixture.int("SELECT count(*) FROM coupon") == 0)
      await pool.close()
    }
  }
}

/// A transaction of the test that others wait for.
@LoopActor
private final class Block {
  private let tables: PostgresPool
  private var process: Int64 = 0
  private let released = Completion<Void>()

  init(_ tables: PostgresPool) { self.tables = tables }

  private var waiting: String {
    "SELECT pid FROM pg_stat_activity WHERE pg_blocking_pids(pid) @> ARRAY[\(process)]"
  }

  func untilWaits() async throws { try await tables.until("SELECT count(*) = 1 FROM (\(waiting)) AS w") }

  func terminate() async throws {
    let statement = PostgresStatement(
      "SELECT pg_terminate_backend(pid) FROM (\(waiting)) AS w", readsOnly: false)
    _ = try await tables.query(statement, deadline: .now + .seconds(20))
  }

  func release() { released.succeed(()) }

  func hold(_ call: String, then ready: @escaping @Sendable @LoopActor () -> Void) async throws {
    try await tables.transaction(deadline: .now + .seconds(60)) { transaction in
      let own = PostgresStatement("SELECT pg_backend_pid()")
      process = try await transaction.run([(PostgresStatement(call), []), (own, [])])[1].int(0, 0) ?? 0
      ready()
      try await released.value()
    }
  }
}

extension Fixture {
  /// Every one of the crowd that asks before this has been looked at: it is in the line or answered.
  fileprivate func looksAreDone() async throws {
    let policy = try #require(PolicyID(1))
    let runs = (1...16).map { number in
      start {
        let user = try #require(UserID("looker-\(number)"))
        return await self.monolith.coupons.latestCoupon(of: user, in: policy, deadline: .now + self.deadline)
          .value()
      }
    }
    for run in runs { _ = try await run.value() }
  }

  /// These people in this order in one transaction, which waits for `block`: they come while another one's waits there,
  /// and that one is ended.
  fileprivate func batch(
    _ people: [String], within limits: [String: Duration] = [:], behind block: Block
  ) async throws -> [Completion<IssueAnswer>] {
    let zero = start { try await self.issue("zero") }
    try await block.untilWaits()
    var runs: [Completion<IssueAnswer>] = []
    for person in people {
      let limit = limits[person]
      runs.append(start { try await self.issue(person, within: limit) })
      try await looksAreDone()
    }
    try await block.terminate()
    #expect(try await zero.value().created == nil)
    try await block.untilWaits()
    return runs
  }

  fileprivate func lockRow(_ body: @escaping @Sendable @LoopActor (Block) async throws -> Void) async throws {
    try await with("SELECT issued FROM policy_day WHERE day = '2026-07-01' FOR UPDATE", body)
  }

  /// A trigger that makes each COMMIT wait.
  fileprivate func blockCommits(
    _ body: @escaping @Sendable @LoopActor (Block) async throws -> Void
  ) async throws {
    try await execute(
      """
      CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN PERFORM pg_advisory_xact_lock_shared(4712); RETURN NULL; END $$
      """,
      """
      CREATE CONSTRAINT TRIGGER late AFTER INSERT ON coupon DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW EXECUTE FUNCTION wait()
      """)
    try await with("SELECT pg_advisory_xact_lock(4712)", body)
    try await execute("DROP TRIGGER late ON coupon", "DROP FUNCTION wait")
  }

  fileprivate func text(_ sql: String) async throws -> String? {
    try await tables.query(PostgresStatement(sql), deadline: .now + .seconds(20)).text(0, 0)
  }

  fileprivate func with(
    _ call: String, _ body: @escaping @Sendable @LoopActor (Block) async throws -> Void
  ) async throws {
    let block = Block(tables)
    let ready = Completion<Void>()
    let held = start { try await block.hold(call) { ready.succeed(()) } }
    try await ready.value()
    let result: Result<Void, any Error>
    do { result = .success(try await body(block)) } catch { result = .failure(error) }
    block.release()
    try await held.value()
    try result.get()
  }
}
