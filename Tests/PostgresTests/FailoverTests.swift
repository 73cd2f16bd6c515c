import EventLoop
import Foundation
import Postgres
import PrivateServers
import TestSupport
import Testing

/// The right server is another one than before.
@Suite(.serialized, .limited) struct FailoverTests {
  @Test func thePromotedReplicaIsUsedWhileTheOldServerStaysUpAndOnlyReads() async throws {
    try await onLoop {
      let old = try await TestServers.ownPostgres()
      let new = try await TestServers.replica(of: old)
      let both = old.url.replacing("@127.0.0.1:", with: "@127.0.0.1:\(old.port),127.0.0.1:")
        .replacing(",127.0.0.1:\(old.port)/", with: ",127.0.0.1:\(new.port)/")
      let group = PoolGroup()
      let (writing, looking) = (try makePool(both, group: group), try makePool(both, group: group))
      try await writing.execute("CREATE TABLE kept (id bigint)", "INSERT INTO kept VALUES (1)")
      #expect(try await looking.int("SELECT inet_server_port()") == Int64(old.port))

      let replica = try makePool(new.url + "?target_session_attrs=any")
      try await replica.until("SELECT to_regclass('kept') IS NOT NULL")
      try await replica.until("SELECT count(*) = 1 FROM kept")
      #expect(try await replica.int("SELECT pg_promote()::int") == 1)
      try await writing.execute(
        "ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
      // The refusal is certain: nothing was done. It is the last one that comes from the old server.
      var refusals: [String?] = []
      while true {
        do {
          _ = try await writing.query(PostgresStatement("INSERT INTO kept VALUES (2)"), deadline: .soon)
          if try await looking.int("SELECT inet_server_port()") == Int64(new.port) { break }
        } catch {
          refusals.append((error as? PostgresError)?.sqlState)
        }
        try #require(refusals.count < 3, "\(refusals)")
      }
      #expect(refusals == ["25006"])
      #expect(try await writing.int("SELECT inet_server_port()") == Int64(new.port))
      #expect(try await looking.int("SELECT count(*) FROM kept WHERE id = 2") == 1)
      for pool in [writing, looking, replica] { await pool.close() }
      await new.stop()
      await old.stop()
    }
  }

  @Test func aServerThatOnlyReadsIsNoServer() async throws {
    try await onLoop {
      let server = try await TestServers.ownPostgres()
      let admin = try makePool(server)
      try await admin.execute(
        "ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
      try await admin.until("SELECT current_setting('default_transaction_read_only') = 'on'")
      let pool = try makePool(server)
      guard case .unavailable(let reason)? = await failure({ try await pool.int("SELECT 1") }) else {
        Issue.record("not unavailable")
        return
      }
      #expect(reason.contains("session is read-only"), "\(reason)")
      let reader = try makePool(server.url + "?target_session_attrs=any")
      #expect(try await reader.int("SELECT 1") == 1)
      for pool in [admin, pool, reader] { await pool.close() }
      await server.stop()
    }
  }

  @Test func aSilentServerUsesUpOnlyItsShareOfTheTime() async throws {
    try await onLoop {
      let (silent, other) = (try await TestServers.ownPostgres(), try await TestServers.postgres())
      silent.pause()
      let both = other.url.replacing("@127.0.0.1:", with: "@127.0.0.1:\(silent.port),127.0.0.1:")
      let pool = try makePool(both)
      #expect(try await pool.int("SELECT inet_server_port()") == Int64(other.port))
      await pool.close()
      silent.resume()
      await silent.stop()
    }
  }

  /// A server or a proxy that has given a connection up may call that an ordinary error.
  @Test(arguments: ["57P01", "57P03", "53300", "08006", "08P01"])
  func aConnectionThatWasGivenUpIsNotUsedAgain(sqlState: String) async throws {
    try await withPool(size: 1) { pool in
      try await pool.execute(
        """
        CREATE OR REPLACE FUNCTION give_up_\(sqlState)() RETURNS int LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'given up' USING ERRCODE = '\(sqlState)'; END $$
        """)
      let backend = try await pool.int("SELECT pg_backend_pid()")
      let error = await failure { try await pool.int("SELECT give_up_\(sqlState)()") }
      #expect(error == .unavailable("given up (\(sqlState))"))
      #expect(try await pool.int("SELECT pg_backend_pid()") != backend)
      #expect(pool.statistics.discarded == 1)
    }
  }

  /// A connection whose statements are not those that it prepared.
  @Test func aForgottenStatementEndsTheConnectionAndNotTheProgram() async throws {
    try await withPool(size: 1) { pool in
      let backend = try await pool.int("SELECT pg_backend_pid()")
      try await pool.execute("DEALLOCATE ALL")
      let error = await failure { try await pool.int("SELECT pg_backend_pid()") }
      #expect(error?.sqlState == "26000")
      #expect(try await pool.int("SELECT pg_backend_pid()") != backend)
    }
  }

  /// A peer that vanished without a word while the connection was idle costs a check, not a request.
  @Test func anIdleConnectionThatFellSilentIsNotHandedOut() async throws {
    try await onLoop {
      let server = try await TestServers.postgres()
      let (pool, other) = (try makePool(server.url, size: 1, freshness: .zero), try makePool(server))
      let backend = try #require(try await pool.int("SELECT pg_backend_pid()"))
      #expect(try await pool.int("SELECT pg_backend_pid()") == backend)
      #expect(pool.statistics.opened == 1)
      kill(pid_t(backend), SIGSTOP)
      defer { kill(pid_t(backend), SIGCONT) }
      let began = Instant.now
      #expect(try await pool.int("SELECT pg_backend_pid()") != backend)
      #expect(Instant.now - began < .seconds(10))
      #expect(pool.statistics.opened == 2 && pool.statistics.discarded == 1)
      await pool.close()
      await other.close()
    }
  }
}
