package import CouponAPI
import CouponDatabase
package import CouponStore
package import EventLoop
package import Operations
package import Postgres

/// The monolith's database: prepared at the start, then probed once a second. Tables that are a newer program's or another
/// strategy's end the program, whenever they turn up.
///
///     preparing ──▶ answering ◀──▶ silent, read-only
///         └──────────────┴── the tables are another program's ──▶ end
@LoopActor
package final class MonolithDatabase {
  /// For everything but coupon requests: bystander, status, operator, the probe.
  package let pool: PostgresPool
  private let tables: TablePreparation
  private let trouble: TroubleLog
  private let onFailure: @LoopActor (String) -> Void
  private var problem: String?
  private var isStopped = false

  /// Whether a transaction could write.
  private static let question = PostgresStatement("SELECT current_setting('transaction_read_only')")
  private static let interval = Duration.seconds(1)

  /// - Parameter onFailure: called once if the program must end: one line for the operator.
  package init(
    pool: PostgresPool, schema: Schema, ranksAreUnique: Bool, key: CouponKey, log: Log,
    onFailure: @escaping @LoopActor (String) -> Void
  ) {
    (self.pool, self.onFailure) = (pool, onFailure)
    trouble = TroubleLog(log)
    tables = TablePreparation(schema, pool, ranksAreUnique: ranksAreUnique, key: key, trouble: trouble)
  }

  /// False until the tables are known to be this program's; nothing may be read from them or written before.
  package var hasTables: Bool { tables.isDone }

  package var readiness: ServiceReadiness {
    guard tables.isDone else { return ServiceReadiness(reasons: ["preparing the tables"]) }
    return ServiceReadiness(reasons: problem.map { [$0] } ?? [])
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
    // Another database may come back after an outage: asked until it is known.
    var mustCheck = false
    while !isStopped {
      if tables.isDone { await probe() }
      if problem != nil { mustCheck = true }
      if !tables.isDone || mustCheck && problem == nil {
        do throws(SchemaError) { mustCheck = try await !tables.attempt(within: .seconds(5)) } catch {
          if !isStopped { onFailure(error.description) }
          return
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
      let answer = try await pool.query(Self.question, deadline: .now + Self.interval)
      problem = nil
      if answer.text(0, 0) == "on" {
        pool.leaveServer()
        problem = "the database takes no writes"
        if !isStopped { trouble.note("the database takes no writes", "it is read-only, or a replica") }
      }
    } catch {
      problem = pool.statistics.answered != before ? nil : "the database does not answer"
      if problem != nil, !isStopped { trouble.note("the database does not answer", "\(error)") }
    }
    if problem == nil { trouble.over() }
  }
}
