import CouponAPI
package import CouponDatabase
import CouponStore
package import EventLoop
import Faults
import Operations
import Postgres
package import Programs

/// The program as a whole: three pools, the service over the tables, the bystander beside it.
///
///     coupon requests ──▶ a look without a lock ──────▶ look pool (4) ──────┐
///                    └──▶ the strategy's transaction ─▶ coupon pool (2) ────┤ PostgreSQL
///     bystander, status, operator ────────────────────▶ database pool (4) ──┘
///
/// A surge fills the queues of the first two; no other request waits in them. Where the server gives fewer connections
/// than these, the pools take turns with what there is.
@LoopActor
package final class Monolith: ApplicationPart {
  package let coupons: DatabaseCouponService
  package let bystander: DatabaseBystander
  package let database: MonolithDatabase
  /// The pool of the deciding transactions; with `shared-pool` the only pool.
  private let deciding: PostgresPool
  /// The pool for each coupon request's read without a lock: half of `DATABASE_POOL`.
  private let looking: PostgresPool
  private let settings: MonolithSettings
  private let context: ProgramContext
  private let clock: SystemClock

  package init(_ settings: MonolithSettings, _ context: ProgramContext) {
    let context = context.switchable([.database, .coupons], by: settings.admin)
    (self.settings, self.context) = (settings, context)
    clock = SystemClock(offsetMilliseconds: Int64(settings.coupons.clockOffsetMilliseconds))
    if let bug = settings.bug { context.faults?.set(.coupons, bug, now: .now) }
    let strategy = settings.coupons.strategy
    let pools = DatabasePools(
      settings.database, settings.schema, deadline: settings.server.requestDeadline,
      session: Monolith.planning, log: context.log, metrics: context.metrics, faults: context.faults)
    let maxWaiting = min(Monolith.maxWaiting, settings.server.maxConnections)
    func open(_ name: String, size: Int) -> PostgresPool {
      pools.open("monolith-\(name)", label: name, size: size, maxWaiting: maxWaiting)
    }
    let size = settings.database.pool
    let everything: PostgresPool
    if strategy == .sharedPool {
      everything = open("database", size: size)
      (looking, deciding) = (everything, everything)
    } else {
      let forLooks = max(1, size / 2)
      everything = open("database", size: max(1, size - forLooks))
      looking = open("look", size: forLooks)
      deciding = open("coupon", size: settings.couponPool)
    }
    let end = Ending()
    self.end = end
    let database = MonolithDatabase(
      pool: everything, schema: settings.schema, ranksAreUnique: strategy.ranksAreUnique,
      key: settings.coupons.key, log: context.log, onFailure: { reason in end.fail(reason) })
    self.database = database
    coupons = DatabaseCouponService(
      database: database, looking: looking,
      issuance: strategy.issuance(
        over: DecidingPool(deciding, seam: CouponSeam(context.faults)), rest: everything,
        maxWaiting: maxWaiting),
      key: settings.coupons.key)
    bystander = DatabaseBystander(pool: everything, mayUseTables: { database.hasTables })
    context.tell(strategy: settings.coupons.strategyName)
  }

  private let end: Ending

  /// The program with its listeners.
  package func application() -> Application {
    let application = Application(
      server: settings.server, admin: settings.admin,
      services: APIServices(
        coupons: coupons, bystander: bystander, platform: { [database] in database.readiness }),
      parts: [self], context: context,
      clock: clock)
    end.whenFailed { [log = context.log, weak application] reason in
      log.error("cannot go on", ["reason": reason])
      application?.end(code: 1)
    }
    return application
  }

  package func start() async throws { try await database.start() }

  package func stop(deadline: Instant) async {
    await deciding.close()
    await looking.close()
    await database.stop()
  }

  /// The most callers that wait for a connection of a pool: a second of work or less. An immediate refusal
  /// costs little; a wait beyond the deadline delays others for nothing.
  private static let maxWaiting = 1024

  /// Every statement finds its rows by a key: it is planned once per connection, never again for other
  /// values, and never for the few rows that a table has at first.
  private static let planning = ["plan_cache_mode": "force_generic_plan", "enable_seqscan": "off"]
}
