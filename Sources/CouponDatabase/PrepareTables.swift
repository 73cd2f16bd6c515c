package import CouponStore
import EventLoop
package import Operations
package import Postgres

/// The subcommand `prepare`: makes or migrates a program's tables under an owner's role and ends, so that the program
/// itself needs no right to make any.
package enum PrepareTables {
  package static let summary = "makes or migrates the tables under an owner's role, and ends"

  private static let patience = Duration.seconds(60)

  /// - Throws: `SchemaError`, `PostgresError`.
  @LoopActor
  package static func run(
    _ schema: Schema, _ database: DatabaseSettings, ranksAreUnique: Bool, key: CouponKey, log: Log
  ) async throws -> Int32 {
    let pool = PostgresPool(
      configuration: database.configuration, size: 1, maxWaiting: 1,
      sessionSettings: schema.sessionSettings, name: "prepare")
    defer { EventLoop.shared.spawn { await pool.close() } }
    try await schema.prepare(
      pool, ranksAreUnique: ranksAreUnique, key: key, deadline: .now + patience)
    log.info("the tables are ready", ["schema": schema.name])
    return 0
  }
}
