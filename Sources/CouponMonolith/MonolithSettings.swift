import CouponAPI
package import CouponStore
package import Faults
package import Operations
package import Postgres
package import Programs

/// The monolith's settings.
package struct MonolithSettings: ProgramSettings {
  package let server: ServerSettings
  package let admin: AdminSettings
  package let database: DatabaseSettings
  /// The connections of the pool that issues coupons.
  package let couponPool: Int
  package let schema: Schema
  package let coupons: CouponSettings<MonolithStrategy>
  /// On from the start.
  package let bug: FaultSpec?
  package let logLevel: LogLevel

  package init(_ reader: inout SettingsReader) throws(SettingsError) {
    server = try ServerSettings(&reader, defaultPort: 8081)
    admin = try AdminSettings(&reader)
    var database = try DatabaseSettings(
      &reader,
      use: "Connections to the database: half of them for looking up coupons, half for everything else; "
        + "with shared-pool all of them for everything, and 16 by default.")
    couponPool = try reader.integer(
      "COUPON_POOL", default: 2, in: 1...512, unit: "connections",
      "Connections that issue coupons; few, because they wait for one row.")
    schema = try Schema(&reader, standard: .monolith)
    coupons = try CouponSettings(
      &reader, strategies: MonolithStrategy.allCases.map { ($0.rawValue, $0) },
      isOperated: admin.listener != nil)
    bug = try FaultSpec.ofCoupons(&reader, isOperated: admin.listener != nil)
    logLevel = try LogLevel(&reader)
    if coupons.strategy == .sharedPool, !reader.isGiven("DATABASE_POOL") {
      database.pool = MonolithStrategy.sharedPoolSize
    }
    self.database = database
  }
}
