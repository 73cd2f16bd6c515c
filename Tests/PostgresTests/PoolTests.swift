import TestSupport
import EventLoop
import Foundation
import Postgres
import PrivateServers
import Testing

@Suite(.limited) struct PoolTests {
  @Test func theQueueIsBoundedAndFirstComeFirstServed() async throws {
    try await withPool(size: 1, maxWaiting: 2) { pool async throws in
      let release = Completion<Void>()
      let order = Order()
      let holder = start {
        try await pool.transaction(deadline: .soon) { transaction in
          _ = try await transaction.run([(PostgresStatement("SELECT 1"), [])])
          order.add("held")
          try await release.value()
        }
      }
      try await until { !order.names.isEmpty }
      let waiters = ["first", "second"].map { name in
        start {
          _ = try await pool.query(PostgresStatement("SELECT 1"), deadline: .soon)
          order.add(name)
        }
      }
      try await until { pool.statistics.waiting >= 2 }
      let refused = await failure { try await pool.query(PostgresStatement("SELECT 1"), deadline: .soon) }
      #expect(refused == .poolFull)
      #expect(pool.statistics.inUse == 1 && pool.statistics.idle == 0 && pool.statistics.size == 1)
      release.succeed(())
      try await holder.value()
      for waiter in waiters { try await waiter.value() }
      #expect(order.names == ["held", "first", "second"])
      #expect(pool.statistics.inUse == 0 && pool.statistics.idle == 1 && pool.statistics.opened == 1)
    }
  }

  @Test func connectionsThatAreToBeOpenedDoNotCountAsWaiting() async throws {
    try await withPool(size: 3, maxWaiting: 0) { pool async throws in
      let runs = (0..<3).map { _ in start { try await pool.int("SELECT 1") } }
      for run in runs { #expect(try await run.value() == 1) }
    }
  }

  @Test func whoWaitsTooLongHearsThatNothingWasDone() async throws {
    try await withPool(size: 1, maxWaiting: 4) { pool async throws in
      let (begun, release) = (Completion<Void>(), Completion<Void>())
      let holder = start {
        try await pool.transaction(deadline: .soon) { transaction in
          _ = try await transaction.run([(PostgresStatement("SELECT 1"), [])])
          begun.succeed(())
          try await release.value()
        }
      }
      try await begun.value()
      // More than the line holds, one after the other: their places come free.
      for _ in 0..<20 {
        let deadline = Instant.now + .milliseconds(5)
        #expect(
          await failure { try await pool.query(PostgresStatement("SELECT 1"), deadline: deadline) }
            == .deadline)
      }
      #expect(pool.statistics.waiting == 0)
      release.succeed(())
      try await holder.value()
      #expect(try await pool.int("SELECT 5") == 5)
    }
  }

  @Test func whoWouldGetAConnectionTooLateToUseItIsToldBefore() async throws {
    try await onLoop {
      let url = try await TestServers.postgres().url
      let pool = PostgresPool(
        configuration: try PostgresConfiguration(url: url), size: 1, maxWaiting: 1, name: "reserve",
        reserve: .seconds(15))
      try await pool.transaction(deadline: .soon) { transaction in
        _ = try await transaction.run([(PostgresStatement("SELECT 1"), [])])
        let deadline = Instant.now + .milliseconds(15_050)
        #expect(
          await failure { try await pool.query(PostgresStatement("SELECT 1"), deadline: deadline) }
            == .deadline)
        #expect(Instant.now < deadline + .seconds(-5))
      }
      await pool.close()
    }
  }

  @Test func aClosedPoolFailsWhoWaitsAndWaitsForWhoWorks() async throws {
    try await onLoop {
      let pool = try makePool(try await TestServers.postgres(), size: 1)
      let begun = Completion<Void>()
      let release = Completion<Void>()
      let holder = start {
        try await pool.transaction(deadline: .soon) { transaction in
          _ = try await transaction.run([(PostgresStatement("SELECT 1"), [])])
          begun.succeed(())
          try await release.value()
          return try await transaction.finish([(PostgresStatement("SELECT 3"), [])])[0].int(0, 0)
        }
      }
      try await begun.value()
      let waiter = start { try await pool.int("SELECT 1") }
      try await until { pool.statistics.waiting != 0 }
      let closed = start { await pool.close() }
      #expect(await failure { try await waiter.value() } == .unavailable("the pool is closed"))
      #expect(await failure { try await pool.int("SELECT 1") } == .unavailable("the pool is closed"))
      #expect(!closed.isDone)
      release.succeed(())
      #expect(try await holder.value() == 3)
      try await closed.value()
      #expect(pool.statistics.inUse == 0 && pool.statistics.idle == 0)
    }
  }

  @Test func anIdleConnectionThatDiesIsNotHandedOut() async throws {
    try await onLoop {
      let server = try await TestServers.postgres()
      let (pool, other) = (try makePool(server, size: 1), try makePool(server, size: 1))
      let backend = try await pool.int("SELECT pg_backend_pid()") ?? 0
      _ = try await other.int("SELECT pg_terminate_backend($1::int)::int", [.int(backend)])
      try await until { pool.statistics.idle == 0 }
      #expect(try await pool.int("SELECT pg_backend_pid()") != backend)
      #expect(pool.statistics.opened == 2 && pool.statistics.discarded == 1)
      await pool.close()
      await other.close()
    }
  }

  /// What cut one off without a word has cut the others off too; asked one by one they would take a caller's whole time.
  @Test func afterOneSilentConnectionNoneOfItsAgeIsAsked() async throws {
    try await onLoop {
      let pool = try makePool(try await TestServers.postgres().url, size: 4, freshness: .milliseconds(500))
      let (order, releases) = (Order(), (0..<4).map { _ in Completion<Void>() })
      let runs = releases.enumerated().map { number, release in
        start {
          try await pool.transaction(deadline: .soon) { transaction in
            _ = try await transaction.run([(PostgresStatement("SELECT 1"), [])])
            order.add("\(number)")
            try await release.value()
          }
        }
      }
      try await until { order.names.count == 4 }
      for release in releases { release.succeed(()) }
      for run in runs { try await run.value() }
      try await until { pool.statistics.idle == 4 }
      // The one that is taken next.
      let silent = pid_t(try await pool.int("SELECT pg_backend_pid()") ?? 0)
      kill(silent, SIGSTOP)
      defer { kill(silent, SIGCONT) }
      await EventLoop.shared.sleep(for: .milliseconds(600))
      #expect(try await pool.int("SELECT 1") == 1)
      #expect(pool.statistics.opened == 5 && pool.statistics.discarded == 4)
      await pool.close()
    }
  }

  @Test func aWrongPasswordIsUnavailableAndNotShown() async throws {
    try await onLoop {
      let url = try await TestServers.postgres().url
      let wrong = url.replacing(/:[^:@]+@/, with: ":wr0ng@")
      let pool = PostgresPool(
        configuration: try PostgresConfiguration(url: wrong), size: 1, maxWaiting: 1, name: "wrong")
      guard case .unavailable(let reason)? = await failure({ try await pool.int("SELECT 1") }) else {
        Issue.record("not unavailable")
        return
      }
      #expect(reason.contains("password authentication failed") && !reason.contains("wr0ng"), "\(reason)")
    }
  }

  @Test func anAbsentServerIsUnavailableAtOnce() async throws {
    try await onLoop {
      let port = try Sockets.freePort()
      let pool = PostgresPool(
        configuration: try PostgresConfiguration(url: "postgresql://nobody@127.0.0.1:\(port)/none"), size: 2,
        maxWaiting: 10, name: "absent")
      let began = Instant.now
      // Many at once and then one by one: none waits for its deadline.
      let runs = (0..<8).map { _ in start { try await pool.int("SELECT 1") } }
      for run in runs {
        guard case .unavailable? = await failure({ try await run.value() }) else {
          Issue.record("not unavailable")
          return
        }
      }
      for _ in 0..<100 {
        guard case .unavailable? = await failure({ try await pool.int("SELECT 1") }) else {
          Issue.record("not unavailable")
          return
        }
      }
      #expect(Instant.now - began < .seconds(5))
      #expect(pool.statistics.waiting == 0 && pool.statistics.inUse == 0)
    }
  }

  @Test func aHostWithoutAddressIsUnavailable() async throws {
    try await onLoop {
      let configuration = try PostgresConfiguration(url: "postgresql://u@no-such-host.invalid/d")
      let pool = PostgresPool(configuration: configuration, size: 1, maxWaiting: 1, name: "nowhere")
      let error = await failure { try await pool.query(PostgresStatement("SELECT 1"), deadline: .soon) }
      guard case .unavailable? = error else {
        Issue.record("\(String(describing: error))")
        return
      }
    }
  }
}

@LoopActor
final class Order {
  private(set) var names: [String] = []
  func add(_ name: String) { names.append(name) }
}
