import EventLoop
import Operations
import Postgres
import PrivateServers
import TestSupport
import Testing

/// The server gives fewer connections than the pools of a program would like.
@Suite(.limited) struct SharingTests {
  @Test(arguments: [1, 2, 3])
  func poolsTakeTurnsWithWhatThereIs(connections: Int) async throws {
    try await onLoop {
      let server = try await TestServers.postgres()
      let url = try await makeRole("few\(connections)", on: server, "CONNECTION LIMIT \(connections)")
      let lines = try LogLines()
      let group = PoolGroup(log: lines.log)
      let pools = try (1...3).map {
        try makePool(url, size: 4, maxWaiting: 200, name: "pool \($0)", group: group)
      }
      // The first pools take everything before the last one asks.
      for _ in 0..<3 {
        let runs = pools.flatMap { pool in
          (0..<20).map { _ in start { try await pool.int("SELECT 1 FROM pg_sleep(0.001)") } }
        }
        for run in runs { #expect(try await run.value() == 1) }
      }
      #expect(lines.lines(with: "53300").count == 1, "\(lines.lines)")
      for pool in pools { await pool.close() }
    }
  }

  @Test func whoHasNobodyToShareWithFailsAtOnceWithTheReason() async throws {
    try await onLoop {
      let server = try await TestServers.postgres()
      let url = try await makeRole("unserved", on: server, "CONNECTION LIMIT 0")
      let lines = try LogLines()
      let pool = try makePool(url, group: PoolGroup(log: lines.log))
      guard case .unavailable(let reason)? = await failure({ try await pool.int("SELECT 1") }) else {
        Issue.record("not unavailable")
        return
      }
      #expect(reason.contains("53300"), "\(reason)")
      for _ in 0..<20 { _ = await failure { try await pool.int("SELECT 1") } }
      #expect(lines.lines(with: "the database takes no connection").count == 1)
      let admin = try makePool(server)
      try await admin.execute("ALTER ROLE unserved CONNECTION LIMIT -1")
      try await pool.untilItWorks()
      try await until { lines.lines(with: "the trouble is over").count == 1 }
      await admin.close()
      await pool.close()
    }
  }

  /// Each kind of call says once why it is refused, and once that it is not any more.
  @Test func aRevokedRightIsSaidOnce() async throws {
    try await onLoop {
      let server = try await TestServers.postgres()
      let url = try await makeRole("revoked", on: server)
      let (lines, admin) = (try LogLines(), try makePool(server))
      let pool = try makePool(url, name: "booking", group: PoolGroup(log: lines.log))
      var states: [String] = []
      pool.onRefusal = { states.append($0) }
      try await admin.execute("CREATE TABLE rights (id bigint)", "GRANT ALL ON rights TO revoked")
      let insert = PostgresStatement("INSERT INTO rights VALUES (1)")
      try await admin.execute("REVOKE INSERT ON rights FROM revoked")
      for _ in 0..<3 {
        #expect(await failure { try await pool.query(insert, deadline: .soon) }?.sqlState == "42501")
        // Another call that is taken does not end the trouble.
        #expect(try await pool.int("SELECT count(*) FROM rights") == 0)
        let error = await failure {
          try await pool.transaction(deadline: .soon) { try await $0.finish([(insert, [])]) }
        }
        #expect(error?.sqlState == "42501")
      }
      #expect(states == Array(repeating: "42501", count: 6))
      #expect(lines.lines(with: "sqlState=42501").count == 2, "\(lines.lines)")
      #expect(lines.lines(with: "permission denied for table rights").count == 2)
      try await admin.execute("GRANT INSERT ON rights TO revoked")
      // Not at once: what is refused again within a second is the same trouble.
      try await until {
        _ = try await pool.query(insert, deadline: .soon)
        _ = try await pool.transaction(deadline: .soon) { try await $0.finish([(insert, [])]) }
        return lines.lines(with: "the database takes the call again").count == 2
      }
      await admin.close()
      await pool.close()
    }
  }
}
