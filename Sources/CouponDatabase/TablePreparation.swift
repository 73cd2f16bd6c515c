package import CouponStore
package import EventLoop
package import Operations
package import Postgres

/// Creates a program's tables as soon as the database answers. Until then it is not known whose tables are there.
@LoopActor
package final class TablePreparation {
  private let schema: Schema
  private let pool: PostgresPool
  private let ranksAreUnique: Bool
  private let key: CouponKey
  private let trouble: TroubleLog
  private var isStopped = false
  package private(set) var isDone = false

  /// - Parameter trouble: logs when the database stops answering and when it answers again.
  package init(
    _ schema: Schema, _ pool: PostgresPool, ranksAreUnique: Bool, key: CouponKey, trouble: TroubleLog
  ) {
    (self.schema, self.pool, self.ranksAreUnique, self.trouble) = (schema, pool, ranksAreUnique, trouble)
    self.key = key
  }

  /// One attempt; `isDone` is true afterwards if the database answered. May be repeated after the database was away:
  /// another one may have come back.
  ///
  /// - Returns: whether the tables are known to be this program's now.
  /// - Throws: if the tables belong to a newer program, to another strategy or to another key.
  @discardableResult
  package func attempt(within limit: Duration) async throws(SchemaError) -> Bool {
    do {
      try await schema.prepare(pool, ranksAreUnique: ranksAreUnique, key: key, deadline: .now + limit)
      isDone = true
      trouble.over()
      return true
    } catch let error as SchemaError {
      throw error
    } catch let error as PostgresError {
      guard !isStopped else { return false }
      if case .server = error {
        trouble.note("the tables cannot be prepared", error.description)
      } else {
        trouble.note("the database does not answer", error.description)
      }
    } catch {
      if !isStopped { trouble.note("the tables cannot be prepared", "\(error)") }
    }
    return false
  }

  /// Retries until it succeeds or is stopped.
  package func run(every pause: Duration, within limit: Duration) async throws(SchemaError) {
    while !isStopped, !isDone {
      try await attempt(within: limit)
      if !isDone { await EventLoop.shared.sleep(for: pause) }
    }
  }

  package func stop() { isStopped = true }
}
