package import CouponStore
package import EventLoop
package import Postgres

/// What the database remembers of the log: how much of it has been applied, and which log it was.
@LoopActor
package protocol OffsetRecords: AnyObject {
  /// Nil where the database does not answer; empty where it has never heard of the log.
  func read(deadline: Instant) async -> [Int32: OffsetRow]?
}

/// `OffsetRecords` in PostgreSQL.
@LoopActor
package final class OffsetMemory: OffsetRecords {
  private let pool: PostgresPool
  private let topic: String

  package init(_ pool: PostgresPool, topic: String) { (self.pool, self.topic) = (pool, topic) }

  package func read(deadline: Instant) async -> [Int32: OffsetRow]? {
    do {
      let rows = try await OffsetSQL.all(topic: topic, in: pool, deadline: deadline)
      return Dictionary(uniqueKeysWithValues: rows.map { ($0.partition, $0) })
    } catch let error as PostgresError where error.sqlState == "42P01" {
      // No such table: no worker has ever prepared this database.
      return [:]
    } catch {
      return nil
    }
  }
}
