package import CouponAPI
package import CouponStore
package import EventLoop
package import Operations
package import Postgres

/// The monolith's database: prepared at the start, asked once in a while whether it answers.
///
///     preparing ──▶ answering ◀──▶ silent
@LoopActor
package final class MonolithDatabase {
  private enum State {
    case preparing
    case answering
    case silent
  }

  /// For everything but the coupon requests: bystander, status, operator, the question whether it answers.
  package let pool: PostgresPool
  private let schema: Schema
  private let ranksAreUnique: Bool
  private let log: Log
  private var state = State.preparing
  private var isStopped = false
  private var lastTrouble: String?

  private static let question = PostgresStatement("SELECT 1")
  private static let interval = Duration.seconds(1)

  package init(pool: PostgresPool, schema: Schema, ranksAreUnique: Bool, log: Log) {
    (self.pool, self.schema, self.ranksAreUnique, self.log) = (pool, schema, ranksAreUnique, log)
  }

  package var readiness: ServiceReadiness {
    switch state {
    case .preparing: ServiceReadiness(reasons: ["preparing the tables"])
    case .answering: ServiceReadiness(reasons: [])
    case .silent: ServiceReadiness(reasons: ["the database does not answer"])
    }
  }

  /// Makes the tables; where the database does not answer yet, goes on trying behind the listeners.
  ///
  /// - Throws: `SchemaError` where the tables belong to a newer program, or to another strategy.
  package func start() async throws {
    try await prepare()
    EventLoop.shared.spawn { await self.watch() }
  }

  package func stop() async {
    isStopped = true
    await pool.close()
  }

  private func prepare() async throws(SchemaError) {
    do {
      try await schema.prepare(pool, ranksAreUnique: ranksAreUnique, deadline: .now + .seconds(5))
      enter(.answering)
    } catch let error as SchemaError {
      throw error
    } catch {
      note(error)
    }
  }

  private func watch() async {
    while !isStopped {
      switch state {
      case .preparing:
        do { try await prepare() } catch { note(error) }
      case .answering, .silent: await probe()
      }
      await EventLoop.shared.sleep(for: Self.interval)
    }
  }

  /// Under a surge the question itself may wait too long: any answer to anybody in the meantime counts.
  private func probe() async {
    let before = pool.statistics.answered
    do {
      _ = try await pool.query(Self.question, deadline: .now + Self.interval)
    } catch {
      guard pool.statistics.answered == before else { return enter(.answering) }
      note(error)
      return enter(.silent)
    }
    enter(.answering)
  }

  private func enter(_ next: State) {
    if next != state, next == .answering {
      log.info("the database answers", ["schema": schema.name])
      lastTrouble = nil
    }
    state = next
  }

  /// Says each trouble once.
  private func note(_ error: any Error) {
    let trouble = "\(error)"
    guard trouble != lastTrouble, !isStopped else { return }
    lastTrouble = trouble
    log.warning("the database does not answer", ["reason": trouble])
  }
}
