import TestSupport
import EventLoop
import Postgres
import PrivateServers
import Testing

/// A server that is slow, stopped, killed and restarted in the middle of calls.
@Suite(.serialized, .limited) struct FailureTests {
  @Test func theDeadlineOfALockedRowIsKeptAndTheConnectionThrownAway() async throws {
    try await onLoop {
      let server = try await TestServers.postgres()
      // The abandoned backend notices by itself that nobody listens any more.
      let pool = try makePool(server, size: 2, settings: ["client_connection_check_interval": "20ms"])
      try await pool.execute("CREATE TABLE locked (id bigint)", "INSERT INTO locked VALUES (1)")
      let lock = PostgresStatement("SELECT id FROM locked FOR UPDATE")
      try await pool.transaction(deadline: .soon) { transaction in
        _ = try await transaction.run([(lock, [])])
        // The second connection is open before the clock runs.
        #expect(try await pool.int("SELECT 1") == 1)
        let began = Instant.now
        let error = await failure {
          try await pool.transaction(deadline: began + .milliseconds(300)) { try await $0.run([(lock, [])]) }
        }
        #expect(error == .deadline)
        let took = Instant.now - began
        #expect(took >= .milliseconds(300) && took < .seconds(10), "\(took)")
        #expect(pool.statistics.discarded == 1)
        try await pool.until(
          "SELECT count(*) = 0 FROM pg_locks WHERE NOT granted AND relation = 'locked'::regclass")
      }
      #expect(try await pool.int("SELECT id FROM locked FOR UPDATE") == 1)
      await pool.close()
    }
  }

  @Test func lockTimeoutRollsBackAndKeepsTheConnection() async throws {
    try await withPool(size: 2, settings: ["lock_timeout": "50ms"]) { pool async throws in
      try await pool.execute("CREATE TABLE lock_timeout (id bigint)", "INSERT INTO lock_timeout VALUES (1)")
      let lock = PostgresStatement("SELECT id FROM lock_timeout FOR UPDATE")
      try await pool.transaction(deadline: .soon) { transaction in
        _ = try await transaction.run([(lock, [])])
        let error = await failure { try await pool.query(lock, deadline: .soon) }
        #expect(error?.sqlState == "55P03")
      }
      #expect(pool.statistics.discarded == 0)
    }
  }

  @Test func aStoppedServerIsGivenUpOnTimeAndUsedAgainWhenItGoesOn() async throws {
    try await onLoop {
      let server = try await TestServers.ownPostgres()
      let pool = try makePool(server, size: 2, connectTimeout: .milliseconds(300))
      try await pool.execute("CREATE TABLE stopped (id bigint)")
      let begun = Completion<Void>()
      let write = start {
        try await pool.transaction(deadline: .now + .milliseconds(1_500)) { transaction in
          _ = try await transaction.run([(PostgresStatement("INSERT INTO stopped VALUES (1)"), [])])
          begun.succeed(())
          return try await transaction.run([(PostgresStatement("SELECT pg_sleep(60)"), [])])
        }
      }
      try await begun.value()
      server.pause()
      let paused = Instant.now
      #expect(await failure { try await write.value() } == .deadline)
      #expect(Instant.now - paused < .seconds(15))
      // New connections are accepted by the kernel, and never answered.
      let error = await failure {
        try await pool.query(PostgresStatement("SELECT 1"), deadline: .now + .seconds(2))
      }
      #expect(error == .unavailable("no connection before the deadline"))
      server.resume()
      try await pool.untilItWorks()
      #expect(try await pool.int("SELECT count(*) FROM stopped") == 0)
      await pool.close()
      await server.stop()
    }
  }

  @Test func killedInTheMiddleOfCommitTheOutcomeIsUnknown() async throws {
    try await onLoop {
      let server = try await TestServers.ownPostgres()
      let pool = try makePool(server, size: 3)
      try await pool.execute(
        "CREATE TABLE slow (id bigint)",
        """
        CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NULL; END $$
        """,
        """
        CREATE CONSTRAINT TRIGGER late AFTER INSERT ON slow DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION wait()
        """)
      let insert = PostgresStatement("INSERT INTO slow VALUES (1)")
      let held = Completion<Void>()
      let release = Completion<Void>()
      let holder = start {
        try await pool.transaction(deadline: .soon) { transaction in
          _ = try await transaction.run([(PostgresStatement("SELECT pg_advisory_xact_lock(1)"), [])])
          held.succeed(())
          try await release.value()
        }
      }
      try await held.value()
      let waits = "SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"

      // At its deadline, while COMMIT waits. A machine that is too slow to send it by then gets twice the time.
      var late: PostgresError?
      for milliseconds in [200, 400, 800, 1_600, 3_200, 6_400] where late == nil || late == .deadline {
        late = await failure {
          try await pool.transaction(deadline: .now + .milliseconds(milliseconds)) {
            try await $0.finish([(insert, [])])
          }
        }
      }
      #expect(late == .commitUnknown("no answer before the deadline"))
      _ = try await pool.int("SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE NOT granted")
      try await pool.until("SELECT count(*) = 0 FROM pg_locks WHERE NOT granted")

      // Its backend ended by an administrator; explicitly, and as a statement of its own.
      for alone in [false, true] {
        let commit = start {
          if alone {
            _ = try await pool.query(insert, deadline: .soon)
          } else {
            _ = try await pool.transaction(deadline: .soon) { try await $0.finish([(insert, [])]) }
          }
        }
        try await pool.until(waits)
        _ = try await pool.int("SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE NOT granted")
        guard case .commitUnknown? = await failure({ try await commit.value() }) else {
          Issue.record("not unknown")
          return
        }
      }

      // The whole server killed.
      let commit = start {
        try await pool.transaction(deadline: .soon) { try await $0.finish([(insert, [])]) }
      }
      try await pool.until(waits)
      await server.kill()
      guard case .commitUnknown? = await failure({ try await commit.value() }) else {
        Issue.record("not unknown")
        return
      }
      release.succeed(())
      try await holder.value()

      guard case .unavailable? = await failure({ try await pool.int("SELECT 1") }) else {
        Issue.record("not unavailable")
        return
      }
      try await server.restart()
      try await pool.untilItWorks()
      #expect(try await pool.int("SELECT count(*) FROM slow") == 0)
      await pool.close()
      await server.stop()
    }
  }

  @Test func killedBeforeCommitNothingWasDone() async throws {
    try await onLoop {
      let server = try await TestServers.ownPostgres()
      let pool = try makePool(server, size: 2)
      try await pool.execute("CREATE TABLE early (id bigint)")
      let insert = PostgresStatement("INSERT INTO early VALUES (1)")
      for sleeps in [false, true] {
        let error = await failure {
          try await pool.transaction(deadline: .soon) { transaction in
            _ = try await transaction.run([(insert, [])])
            let next = start {
              try await transaction.run([(PostgresStatement("SELECT pg_sleep(\(sleeps ? 60 : 0))"), [])])
            }
            if !sleeps { _ = try await next.value() }
            await server.kill()
            if sleeps { _ = try await next.value() }
            // The loss of an idle connection in a transaction shows at the latest here.
            try await until { pool.statistics.idle == 0 }
            return try await transaction.run([(insert, [])])
          }
        }
        guard case .unavailable? = error else {
          Issue.record("\(String(describing: error))")
          return
        }
        try await server.restart()
        try await pool.untilItWorks()
        #expect(try await pool.int("SELECT count(*) FROM early") == 0)
      }
      await pool.close()
      await server.stop()
    }
  }

  @Test func aFaultSwitchBitesBelowEveryRule() async throws {
    let fault = SwitchedSeam()
    try await withPool(size: 1, seam: fault) { pool async throws in
      #expect(try await pool.int("SELECT 1") == 1)
      fault.action = .now(.refused("refused by a test"))
      guard case .unavailable? = await failure({ try await pool.int("SELECT 1") }) else {
        Issue.record("not unavailable")
        return
      }
      fault.action = .now(.proceed)
      try await pool.untilItWorks()
      fault.action = .hang
      let write = PostgresStatement("CREATE TABLE never (id int)")
      guard
        case .commitUnknown? = await failure({
          try await pool.query(write, deadline: .now + .milliseconds(250))
        })
      else {
        Issue.record("not unknown")
        return
      }
      fault.action = .now(.proceed)
      try await pool.untilItWorks()
      fault.action = .delay(.milliseconds(50))
      let began = Instant.now
      #expect(try await pool.int("SELECT 1") == 1)
      #expect(Instant.now - began >= .milliseconds(50))
    }
  }
}

extension FailureTests {
  @Test func aLostAnswerLeavesWhatWasDone() async throws {
    let fault = SwitchedSeam()
    try await withPool(seam: fault) { pool in
      _ = try await pool.int("SELECT 1")
      fault.action = .now(.proceedUnanswered)
      let write = PostgresStatement("CREATE TABLE written (id int)")
      guard
        case .commitUnknown? = await failure({ try await pool.query(write, deadline: .soon) })
      else {
        Issue.record("not unknown")
        return
      }
      fault.action = .now(.proceed)
      try await pool.untilItWorks()
      #expect(try await pool.int("SELECT count(*) FROM written") == 0)
    }
  }

  @Test func anOutageCutsWhatIsUnderWay() async throws {
    let fault = SwitchedSeam()
    try await withPool(seam: fault) { pool in
      _ = try await pool.int("SELECT 1")
      let sleeping = Completion<PostgresError?>()
      EventLoop.shared.spawn {
        sleeping.succeed(await failure({ _ = try await pool.int("SELECT pg_sleep(60)::text::int") }))
      }
      try await until { pool.statistics.inUse != 0 }
      fault.action = .now(.refused("refused by a test"))
      fault.sever()
      guard case .unavailable? = try await sleeping.value(deadline: .soon) else {
        Issue.record("not cut")
        return
      }
      guard case .unavailable? = await failure({ _ = try await pool.int("SELECT 1") }) else {
        Issue.record("not refused")
        return
      }
      fault.action = .now(.proceed)
      try await pool.untilItWorks()
    }
  }
}

extension PostgresPool {
  /// Asks until the database answers.
  func untilItWorks() async throws {
    let deadline = Instant.soon
    while true {
      do {
        _ = try await query(PostgresStatement("SELECT 1"), deadline: deadline)
        return
      } catch  where Instant.now < deadline {
        await EventLoop.shared.sleep(for: .milliseconds(10))
      }
    }
  }
}
