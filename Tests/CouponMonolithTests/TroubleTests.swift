import TestSupport
import CouponAPI
import CouponDatabase
import CouponDomain
import EventLoop
import Postgres
import PrivateServers
import Testing
import CouponMonolith
import Text

/// The database is locked, stopped, or does not say what became of a COMMIT.
@Suite(.serialized, .limited) struct TroubleTests {
  @Test func aBlockedCouponRowDoesNotStarveTheBystander() async throws {
    try await withMonolith(deadline: .milliseconds(1500)) { fixture in
      _ = try await fixture.create(quota: 10)
      // Open the connections first: this is not about that.
      _ = try await fixture.issue(all: (1...100).map { "warm-\($0)" }, at: ["2026-07-01T00:00:00Z"])
      let lock = PostgresStatement("SELECT issued FROM policy_day FOR UPDATE")
      try await fixture.tables.transaction(deadline: .now + .seconds(20)) { transaction in
        _ = try await transaction.run([(lock, [])])
        let began = Instant.now
        let surge = start { try await fixture.issue(all: (1...100).map { "user-\($0)" }) }
        let guest = try #require(UserID("guest"))
        var served = 0
        while !surge.isDone {
          let asked = Instant.now
          let stays = await fixture.monolith.bystander.stays(deadline: asked + fixture.deadline)
          let booking = await fixture.monolith.bystander.book(
            stay: 1, by: guest, deadline: asked + fixture.deadline)
          guard case .found = stays, case .found = booking else { throw Unexpected("\(stays) \(booking)") }
          served += 1
          await EventLoop.shared.sleep(for: .milliseconds(5))
        }
        #expect(try await surge.value().allSatisfy(\.isUnavailable))
        #expect(Instant.now - began < .seconds(15))
        #expect(served >= 3)
      }
      #expect(try await fixture.int("SELECT count(*) FROM coupon") == 0)
      #expect(try await fixture.issue("user-1").created?.rank == 1)
      try await fixture.expectLedgersAgree()
    }
  }

  /// The looks of a surge hold all their connections and fill their queue; nobody else stands in it.
  @Test func aSurgeOfLooksDoesNotStarveTheBystander() async throws {
    try await withMonolith(deadline: .milliseconds(1500)) { fixture in
      _ = try await fixture.create(quota: 10)
      let lock = PostgresStatement("LOCK TABLE coupon IN ACCESS EXCLUSIVE MODE", readsOnly: false)
      try await fixture.tables.transaction(deadline: .now + .seconds(20)) { transaction in
        _ = try await transaction.run([(lock, [])])
        let surge = start { try await fixture.issue(all: (1...1_500).map { "user-\($0)" }) }
        try await fixture.until(
          "SELECT count(*) = 4 FROM pg_locks WHERE relation = 'coupon'::regclass AND NOT granted")
        var served = 0
        while !surge.isDone {
          let stays = await fixture.monolith.bystander.stays(deadline: .now + .milliseconds(1_400))
          let status = await fixture.monolith.coupons.status(
            of: try #require(PolicyID(1)), at: try #require(Timestamp(Fixture.noon)),
            deadline: .now + .milliseconds(1_400)
          ).value()
          guard case .found = stays, case .policy = status else { throw Unexpected("\(stays) \(status)") }
          served += 1
          await EventLoop.shared.sleep(for: .milliseconds(5))
        }
        #expect(served >= 3)
        #expect(try await surge.value().allSatisfy(\.isUnavailable))
      }
      #expect(try await fixture.issue("user-1").created?.rank == 1)
      try await fixture.expectLedgersAgree()
    }
  }

  @Test func anUnknownCommitThatWasRolledBackIsUnknownAndARetryWins() async throws {
    try await withMonolith { fixture in
      _ = try await fixture.create(quota: 10)
      try await fixture.execute(
        """
        CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN NULL; END $$
        """,
        """
        CREATE CONSTRAINT TRIGGER late AFTER INSERT ON coupon DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION wait()
        """)
      let waiting = "locktype = 'advisory' AND objid = 4711 AND NOT granted"
      try await fixture.tables.transaction(deadline: .now + .seconds(20)) { transaction in
        _ = try await transaction.run([(PostgresStatement("SELECT pg_advisory_xact_lock(4711)"), [])])
        let first = start { try await fixture.issue("a") }
        try await fixture.until("SELECT count(*) = 1 FROM pg_locks WHERE \(waiting)")
        try await fixture.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE \(waiting)")
        #expect(try await first.value().isUnknown)
      }
      #expect(try await fixture.issue("a").created?.rank == 1)
      try await fixture.expectLedgersAgree()
    }
  }

  @Test func anUnknownCommitThatStandsIsUnknownAndARetryFindsIt() async throws {
    try await onLoop {
      let server = try await TestServers.ownPostgres()
      let fixture = try await Fixture(server)
      _ = try await fixture.create(quota: 10)
      // COMMIT is durable here and then waits for a replica that never comes: its answer is lost, the coupon is not.
      try await fixture.execute(
        "ALTER SYSTEM SET synchronous_standby_names = 'nobody'", "SELECT pg_reload_conf()")
      let waiting = "wait_event = 'SyncRep'"
      // Commits wait only from when the checkpointer has read the setting, too.
      let write = PostgresStatement("SELECT pg_logical_emit_message(true, 'test', 'one')", readsOnly: false)
      try await until {
        (try? await fixture.tables.query(write, deadline: .now + .milliseconds(200))) == nil
      }
      try await fixture.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE \(waiting)")
      try await fixture.until("SELECT count(*) = 0 FROM pg_stat_activity WHERE \(waiting)")
      let first = start { try await fixture.issue("a") }
      try await fixture.until("SELECT count(*) = 1 FROM pg_stat_activity WHERE \(waiting)")
      try await fixture.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE \(waiting)")
      #expect(try await first.value().isUnknown)
      let coupon = try #require(try await fixture.issue("a").existing)
      #expect(coupon.rank == 1)
      await fixture.close()
      await server.stop()
    }
  }

  @Test func aStoppedDatabaseIsUnavailableInTimeAndTheServiceRecovers() async throws {
    try await onLoop {
      let server = try await TestServers.ownPostgres()
      let fixture = try await Fixture(server, deadline: .milliseconds(600))
      _ = try await fixture.create(quota: 1000)
      _ = try await fixture.issue(all: (1...20).map { "before-\($0)" })
      let surge = start { try await fixture.issue(all: (1...200).map { "during-\($0)" }) }
      server.pause()
      let began = Instant.now
      let answers = try await surge.value()
      #expect(answers.allSatisfy { $0.created != nil || $0.isUnavailable || $0.isUnknown })
      #expect(try await fixture.issue("late").isUnavailable)
      #expect(Instant.now - began < .seconds(15))
      try await until { !fixture.monolith.coupons.readiness().isReady }
      server.resume()
      try await until { fixture.monolith.coupons.readiness().isReady }
      try await fixture.eventuallyWins("after")
      // Who heard "created" has a row; who heard "unavailable" has none.
      for (index, answer) in answers.enumerated() where !answer.isUnknown {
        let rows = try await fixture.int("SELECT count(*) FROM coupon WHERE user_id = 'during-\(index + 1)'")
        #expect(rows == (answer.created == nil ? 0 : 1))
      }
      try await fixture.expectLedgersAgree()

      await server.kill()
      #expect(try await fixture.issue("killed").isUnavailable)
      try await server.restart()
      try await fixture.eventuallyWins("restarted")
      try await fixture.expectLedgersAgree()
      await fixture.close()
      await server.stop()
    }
  }

  @Test func aMonolithThatStartsBeforeItsDatabaseBecomesReady() async throws {
    try await onLoop {
      let server = try await TestServers.ownPostgres()
      let url = server.url
      await server.kill()
      let fixture = try Fixture(url: url)
      try await fixture.monolith.start()
      #expect(fixture.monolith.coupons.readiness().reasons == ["preparing the tables"])
      #expect(try await fixture.issue("a").isUnavailable)
      try await server.restart()
      try await until { fixture.monolith.coupons.readiness().isReady }
      _ = try await fixture.create()
      #expect(try await fixture.issue("a").created?.rank == 1)
      await fixture.close()
      await server.stop()
    }
  }
}

extension Fixture {
  /// Asks until the person has a coupon.
  func eventuallyWins(_ person: String) async throws {
    let end = Instant.now + .seconds(20)
    while true {
      let answer = try await issue(person)
      if answer.created != nil || answer.existing != nil { return }
      try #require(Instant.now < end, "\(answer)")
      await EventLoop.shared.sleep(for: .milliseconds(20))
    }
  }
}
