package import CouponStore
package import EventLoop
package import Postgres
import PrivateServers

/// A schema of its own, with its tables, on the tests' PostgreSQL server.
@LoopActor
package struct TestDatabase {
  package let schema: Schema
  package let pool: PostgresPool
  package var deadline: Instant { .now + .seconds(20) }

  /// Runs `body` over a schema of its own; without `prepare` the schema is not there yet.
  package nonisolated static func with(
    prepared: Bool = true, ranksAreUnique: Bool = true,
    _ body: @escaping @Sendable @LoopActor (TestDatabase) async throws -> Void
  ) async throws {
    try await onLoop {
      let server = try await TestServers.postgres()
      var ids = EventIDSource()
      let schema = try Make.some(Schema("test_\(ids.next())"), "schema")
      let database = TestDatabase(schema: schema, pool: try pool(schema, server.url))
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
  package func run(_ sql: String, _ values: [PostgresValue] = []) async throws(PostgresError) -> PostgresRows
  {
    try await pool.query(PostgresStatement(sql), values, deadline: deadline)
  }

  @discardableResult
  package func commit(_ calls: [SQLCall]) async throws -> [PostgresRows] {
    try await pool.transaction(deadline: deadline) { try await $0.finish(calls) }
  }

  package func count(_ table: String) async throws(PostgresError) -> Int64 {
    try await run("SELECT count(*) FROM \(table)").int(0, 0) ?? -1
  }
}
