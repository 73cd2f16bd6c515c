package import CouponAPI
import CouponDatabase
package import CouponStore
package import EventLoop
package import Operations
package import Postgres

/// The monolith's database: prepared at the start, then probed once a second.
///
///     preparing ──▶ answering ◀──▶ silent
@LoopActor
package final class MonolithDatabase {
  /// For everything but coupon requests: bystander, status, operator, the probe.
  package let pool: PostgresPool
  private let tables: TablePreparation
  private let trouble: TroubleLog
  private var isAnswering = true
  private var isStopped = false

  private static let question = PostgresStatement("SELECT 1")
  private static let interval = Duration.seconds(1)

  package init(pool: PostgresPool, schema: Schema, ranksAreUnique: Bool, key: CouponKey, log: Log) {
    self.pool = pool
    trouble = TroubleLog(log)
    tables = TablePreparation(schema, pool, ranksAreUnique: ranksAreUnique, key: key, trouble: trouble)
  }

  package var readiness: ServiceReadiness {
    guard tables.isDone else { return ServiceReadiness(reasons: ["preparing the tables"]) }
    return ServiceReadiness(reasons: isAnswering ? [] : ["the database does not answer"])
  }

  /// Creates the tables; if the database does not answer yet, retries in the background while the listeners
  /// run.
  ///
  /// - Throws: `SchemaError` if the tables belong to a newer program, or to another strategy.
  package func start() async throws {
    try await tables.attempt(within: .seconds(5))
    EventLoop.shared.spawn { await self.watch() }
  }

  package func stop() async {
    isStopped = true
    tables.stop()
    await pool.close()
  }

  private func watch() async {
    while !isStopped {
      if tables.isDone {
        await probe()
      } else {
        do throws(SchemaError) { try await tables.attempt(within: .seconds(5)) } catch {
          trouble.note("the tables cannot be used", error.description)
        }
      }
      await EventLoop.shared.sleep(for: Self.interval)
    }
  }

  /// Under a surge the probe itself may wait too long: an answer to any other call in the meantime counts
  /// too.
  private func probe() async {
    let before = pool.statistics.answered
    do {
      _ = try await pool.query(Self.question, deadline: .now + Self.interval)
      isAnswering = true
    } catch {
      isAnswering = pool.statistics.answered != before
      if !isAnswering, !isStopped { trouble.note("the database does not answer", "\(error)") }
    }
    if isAnswering { trouble.over() }
  }
}
