import TestSupport
import CouponStore
import EventLoop
import Postgres
import PrivateServers
import Testing

/// A schema of its own, with its tables, on the tests' PostgreSQL server.
@LoopActor
struct Database {
  let schema: Schema
  let pool: PostgresPool
  var deadline: Instant { .now + .seconds(20) }

  /// Runs `body` over a schema of its own; without `prepare` the schema is not there yet.
  nonisolated static func with(
    prepared: Bool = true, ranksAreUnique: Bool = true,
    _ body: @escaping @Sendable @LoopActor (Database) async throws -> Void
  ) async throws {
    try await onLoop {
      let server = try await TestServers.postgres()
      var ids = EventIDSource()
      let schema = try #require(Schema("test_\(ids.next())"))
      let database = Database(schema: schema, pool: try pool(schema, server.url))
      if prepared {
        try await schema.prepare(database.pool, ranksAreUnique: ranksAreUnique, deadline: database.deadline)
      }
      try await body(database)
      await database.pool.close()
    }
  }

  private static func pool(_ schema: Schema, _ url: String) throws -> PostgresPool {
    PostgresPool(
      configuration: try PostgresConfiguration(url: url), size: 4, maxWaiting: 100,
      sessionSettings: schema.sessionSettings, name: "store tests")
  }

  @discardableResult
  func run(_ sql: String, _ values: [PostgresValue] = []) async throws(PostgresError) -> PostgresRows {
    try await pool.query(PostgresStatement(sql), values, deadline: deadline)
  }

  @discardableResult
  func commit(_ calls: [SQLCall]) async throws -> [PostgresRows] {
    try await pool.transaction(deadline: deadline) { try await $0.finish(calls) }
  }

  func count(_ table: String) async throws(PostgresError) -> Int64 {
    try await run("SELECT count(*) FROM \(table)").int(0, 0) ?? -1
  }
}
