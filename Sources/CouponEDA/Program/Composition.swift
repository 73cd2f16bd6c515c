import CouponAPI
import CouponStore
import EventLoop
import Operations
import Postgres

/// What `eda api` and `eda worker` are put together from in the same way.
enum Composition {
  static func key(_ settings: CouponSettings) throws(SettingsError) -> CouponKey {
    guard let key = CouponKey(settings.key) else {
      throw SettingsError(setting: "COUPON_KEY", rule: "must be 16 to 1024 bytes long")
    }
    return key
  }

  static func schema(_ settings: DatabaseSettings) throws(SettingsError) -> Schema {
    guard let schema = settings.schema.map({ Schema($0) }) ?? .eda else {
      throw SettingsError(setting: "DATABASE_SCHEMA", rule: "is no name of a schema")
    }
    return schema
  }

  /// - Parameter deadline: of one call; the server's own limits lie below it.
  @LoopActor
  static func pool(
    _ settings: DatabaseSettings, _ configuration: PostgresConfiguration?, deadline: Duration,
    maxWaiting: Int,
    name: String, _ context: ProgramContext
  ) throws(SettingsError) -> PostgresPool {
    guard let configuration else {
      throw SettingsError(setting: "DATABASE_URL", rule: "is no URL of a database")
    }
    func milliseconds(_ duration: Duration) -> String { "\(max(1, Int(duration.milliseconds)))ms" }
    let limits = [
      "statement_timeout": milliseconds(deadline),
      "lock_timeout": milliseconds(deadline * 3 / 4),
      "idle_in_transaction_session_timeout": milliseconds(deadline / 2),
      "client_connection_check_interval": milliseconds(min(deadline / 4, .milliseconds(250))),
    ]
    let pool = PostgresPool(
      configuration: configuration, size: settings.pool, maxWaiting: min(maxWaiting, 4_096),
      sessionSettings: try schema(settings).sessionSettings.merging(limits) { $1 }, name: name,
      reserve: deadline / 10, fault: context.databaseFaults)
    DatabaseFigures.register(pool, as: "database", in: context.metrics)
    return pool
  }

  @LoopActor
  static func tell(_ strategy: String, in metrics: Metrics) {
    metrics.gauge(
      "coupon_strategy_info", help: "How a coupon is decided.", labels: [MetricLabel("strategy", strategy)]
    ).value = 1
  }
}

/// A failure that ends the program, and the part that can end it: either may come first.
@LoopActor
final class Ending {
  private var reason: String?
  private var handler: (@LoopActor (String) -> Void)?

  func fail(_ reason: String) {
    guard self.reason == nil else { return }
    self.reason = reason
    handler?(reason)
  }

  func whenFailed(_ handler: @escaping @LoopActor (String) -> Void) {
    self.handler = handler
    if let reason { handler(reason) }
  }
}
