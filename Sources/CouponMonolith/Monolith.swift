package import CouponAPI
import CouponStore
package import EventLoop
package import Operations
import Postgres

/// The program as a whole: three pools, the service over a locked row, the bystander beside it.
///
///     coupon requests ──▶ a look without a lock ──────▶ look pool (4) ──────┐
///                    └──▶ the strategy's transaction ─▶ coupon pool (2) ────┤ PostgreSQL
///     bystander, status, operator ────────────────────▶ database pool (4) ──┘
///
/// A surge fills the queues of the first two; nobody else stands in them.
@LoopActor
package final class Monolith: ApplicationPart {
  package let coupons: LockedRowService
  package let bystander: DatabaseBystander
  package let database: MonolithDatabase
  /// The pool of whoever decides; with `shared-pool` the one for everything.
  private let deciding: PostgresPool
  /// The pool of every coupon request's look without a lock: half of `DATABASE_POOL`.
  private let looking: PostgresPool
  private let settings: MonolithSettings
  private let context: ProgramContext
  private let clock: SystemClock

  /// How many wait at most for a connection of a pool. A second of work or less: who is told at once to come again costs
  /// little, who waits until the deadline is over has kept others waiting for nothing.
  private static let maxWaiting = 1024

  package init(_ settings: MonolithSettings, _ context: ProgramContext) throws(SettingsError) {
    let context = context.switchable([.database], by: settings.admin)
    (self.settings, self.context) = (settings, context)
    guard let key = CouponKey(settings.coupons.key) else {
      throw SettingsError(setting: "COUPON_KEY", rule: "must be 16 to 1024 bytes long")
    }
    guard let schema = settings.database.schema.map({ Schema($0) }) ?? .monolith else {
      throw SettingsError(setting: "DATABASE_SCHEMA", rule: "is no name of a schema")
    }
    clock = SystemClock(offsetMilliseconds: Int64(settings.coupons.clockOffsetMilliseconds))
    let strategy = settings.strategy
    let everything: PostgresPool
    if strategy == .sharedPool {
      everything = try Monolith.pool(
        "database", size: settings.database.pool, schema, settings, context)
      (looking, deciding) = (everything, everything)
    } else {
      let forLooks = max(1, settings.database.pool / 2)
      everything = try Monolith.pool(
        "database", size: max(1, settings.database.pool - forLooks), schema, settings, context)
      looking = try Monolith.pool("look", size: forLooks, schema, settings, context)
      deciding = try Monolith.pool("coupon", size: settings.database.couponPool, schema, settings, context)
    }
    database = MonolithDatabase(
      pool: everything, schema: schema, ranksAreUnique: strategy.ranksAreUnique, log: context.log)
    coupons = LockedRowService(
      database: database, looking: looking, issuance: strategy.issuance(over: deciding), key: key)
    bystander = DatabaseBystander(pool: everything)
    context.metrics.gauge(
      "coupon_strategy_info", help: "How a coupon is decided.",
      labels: [MetricLabel("strategy", settings.coupons.strategy)]
    ).value = 1
  }

  /// The listeners around it.
  package func application() -> Application {
    Application(
      server: settings.server, admin: settings.admin,
      services: APIServices(coupons: coupons, bystander: bystander), parts: [self], context: context,
      clock: clock)
  }

  package func start() async throws { try await database.start() }

  package func stop(deadline: Instant) async {
    await deciding.close()
    await looking.close()
    await database.stop()
  }

  private static func pool(
    _ name: String, size: Int, _ schema: Schema, _ settings: MonolithSettings, _ context: ProgramContext
  ) throws(SettingsError) -> PostgresPool {
    guard let configuration = settings.databaseConfiguration else {
      throw SettingsError(setting: "DATABASE_URL", rule: "is no URL of a database")
    }
    let deadline = settings.server.requestDeadline
    let pool = PostgresPool(
      configuration: configuration, size: size, maxWaiting: min(maxWaiting, settings.server.maxConnections),
      sessionSettings: session(deadline: deadline, schema), name: "monolith-\(name)", reserve: deadline / 10,
      fault: context.databaseFaults)
    DatabaseFigures.register(pool, as: name, in: context.metrics)
    return pool
  }

  /// What the server is told for each connection. Its own limits lie below the request's deadline: what a client has given up holds no lock for long.
  private static func session(deadline: Duration, _ schema: Schema) -> [String: String] {
    func milliseconds(_ duration: Duration) -> String { "\(max(1, Int(duration.milliseconds)))ms" }
    let settings = [
      // Every statement finds its rows by a key: planned once a connection, never anew for other values, and never
      // for the few rows that a table has at first.
      "plan_cache_mode": "force_generic_plan",
      "enable_seqscan": "off",
      "statement_timeout": milliseconds(deadline),
      "lock_timeout": milliseconds(deadline * 3 / 4),
      "idle_in_transaction_session_timeout": milliseconds(deadline / 2),
      "client_connection_check_interval": milliseconds(min(deadline / 4, .milliseconds(250))),
    ]
    return schema.sessionSettings.merging(settings) { $1 }
  }
}
