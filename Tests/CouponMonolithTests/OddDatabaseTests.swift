import CouponAPI
import CouponDatabase
import CouponDomain
import CouponMonolith
import CouponStore
import EventLoop
import Postgres
import PrivateServers
import Programs
import TestSupport
import Testing

/// The database turns out to be another program's, only reads, or gives few connections.
@Suite(.serialized, .limited) struct OddDatabaseTests {
  enum Tables: CaseIterable {
    case newer
    case otherStrategy
  }

  /// What ends the start ends a program that learns it later; until it knows, it serves nothing.
  @Test(arguments: Tables.allCases)
  func tablesThatCannotBeUsedAndTurnUpLaterEndTheProgram(tables: Tables) async throws {
    try await onLoop {
      let server = try await TestServers.ownPostgres()
      let before = try await Fixture(server, strategy: tables == .newer ? .forUpdate : .unlocked)
      _ = try await before.create(quota: 10)
      _ = try await before.issue("a")
      if tables == .newer { try await before.execute("INSERT INTO schema_migration (version) VALUES (99)") }
      await server.kill()
      let fixture = try Fixture(url: server.url, schema: before.schema)
      let application = fixture.monolith.application()
      let code = start { await application.run(until: []) }
      try await until { application.port != 0 }
      try await server.restart()
      let guest = try #require(UserID("guest"))
      while !code.isDone {
        #expect(try await fixture.issue("b").isUnavailable)
        guard
          case .trouble = await fixture.monolith.bystander.book(
            stay: 1, by: guest, deadline: .now + .seconds(1))
        else { throw Unexpected("a booking on tables that cannot be used") }
        await EventLoop.shared.sleep(for: .milliseconds(5))
      }
      #expect(try await code.value() == 1)
      #expect(try await before.int("SELECT count(*) FROM coupon") == 1)
      #expect(try await before.int("SELECT count(*) FROM booking") == 0)
      await before.close()
      await fixture.close()
      await server.stop()
    }
  }

  /// Another database may have come back after an outage.
  @Test func tablesThatChangedDuringAnOutageEndTheProgram() async throws {
    try await onLoop {
      let server = try await TestServers.ownPostgres()
      let fixture = try Fixture(url: server.url)
      let application = fixture.monolith.application()
      let code = start { await application.run(until: []) }
      try await until { fixture.monolith.coupons.readiness().isReady }
      try await fixture.execute("INSERT INTO schema_migration (version) VALUES (99)")
      await server.kill()
      try await until { !fixture.monolith.coupons.readiness().isReady }
      try await server.restart()
      #expect(try await code.value() == 1)
      await fixture.close()
      await server.stop()
    }
  }

  @Test func aDatabaseThatOnlyReadsMakesTheProgramUnready() async throws {
    try await onLoop {
      let server = try await TestServers.ownPostgres()
      let fixture = try await Fixture(server)
      _ = try await fixture.create(quota: 10)
      #expect(try await fixture.issue("a").created?.rank == 1)
      try await fixture.execute(
        "ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
      try await until {
        fixture.monolith.coupons.readiness().reasons.contains("the database takes no writes")
      }
      #expect(try await fixture.issue("b").isUnavailable)
      let admin = PostgresPool(
        configuration: try PostgresConfiguration(url: server.url + "?target_session_attrs=any"), size: 1,
        maxWaiting: 1, name: "admin")
      _ = try await admin.query(
        PostgresStatement("ALTER SYSTEM RESET default_transaction_read_only"), deadline: .now + .seconds(20))
      _ = try await admin.query(PostgresStatement("SELECT pg_reload_conf()"), deadline: .now + .seconds(20))
      try await until { fixture.monolith.coupons.readiness().isReady }
      try await fixture.eventuallyWins("b")
      try await fixture.expectLedgersAgree()
      await admin.close()
      await fixture.close()
      await server.stop()
    }
  }

  /// The looks take all the connections that a role may have; the other pools get their turns.
  @Test(arguments: [1, 3])
  func aRoleWithFewConnectionsServesEverything(connections: Int) async throws {
    try await onLoop {
      let server = try await TestServers.postgres()
      let role = "few_monolith_\(connections)"
      let admin = PostgresPool(
        configuration: try PostgresConfiguration(url: server.url), size: 1, maxWaiting: 1, name: "admin")
      for sql in [
        "CREATE ROLE \(role) LOGIN PASSWORD 'x' CONNECTION LIMIT \(connections)",
        "GRANT CREATE ON DATABASE timeattack TO \(role)",
      ] { _ = try await admin.query(PostgresStatement(sql), deadline: .now + .seconds(20)) }
      let fixture = try Fixture(url: server.url.replacing(/\/\/[^@]+@/, with: "//\(role):x@"))
      // It would take one of them.
      await fixture.tables.close()
      try await fixture.monolith.start()
      try #require(fixture.monolith.coupons.readiness().isReady)
      _ = try await fixture.create(quota: 10)
      let guest = try #require(UserID("guest"))
      let bookings = start {
        var booked = 0
        for _ in 0..<10 {
          let answer = await fixture.monolith.bystander.book(
            stay: 1, by: guest, deadline: .now + fixture.deadline)
          if case .found = answer { booked += 1 }
        }
        return booked
      }
      let answers = try await fixture.issue(all: (1...60).map { "user-\($0)" })
      #expect(answers.filter { $0.created != nil }.count == 10)
      #expect(answers.filter { $0 == .soldOut }.count == 50)
      #expect(try await bookings.value() == 10)
      await fixture.monolith.stop(deadline: .now + .seconds(5))
      await admin.close()
    }
  }
}
