package import CouponStore
package import EventLoop
package import Postgres

/// What the database remembers of the log: how much of it has been applied, and which log it was.
@LoopActor
package protocol OffsetRecords: AnyObject {
  /// Nil where the database does not answer; empty where this schema has never heard of the log. Before a log is made,
  /// `OffsetMemory.otherSchema` must be asked too: the schema's name may be mistyped.
  func read(deadline: Instant) async -> [Int32: OffsetRow]?
}

/// `OffsetRecords` in PostgreSQL.
@LoopActor
package final class OffsetMemory: OffsetRecords {
  private let pool: PostgresPool
  private let topic: String
  private let schema: Schema

  package init(_ pool: PostgresPool, topic: String, schema: Schema) {
    (self.pool, self.topic, self.schema) = (pool, topic, schema)
  }

  package func read(deadline: Instant) async -> [Int32: OffsetRow]? {
    do {
      let rows = try await OffsetSQL.all(topic: topic, in: pool, deadline: deadline)
      return Dictionary(uniqueKeysWithValues: rows.map { ($0.partition, $0) })
    } catch let error as PostgresError where error.sqlState == "42P01" {
      // No such table: no worker has ever prepared this schema.
      return [:]
    } catch {
      return nil
    }
  }

  /// Another schema of the database that has applied something of the log.
  ///
  /// - Throws: if the database does not answer.
  package func otherSchema(deadline: Instant) async throws -> Schema? {
    try await OffsetSQL.schema(thatRemembers: topic, besides: schema, in: pool, deadline: deadline)
  }
}
