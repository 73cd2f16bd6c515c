package import Operations
package import Postgres

/// What the monolith is told.
package struct MonolithSettings: ProgramSettings {
  /// The names of `COUPON_STRATEGY`, the default first.
  package static let strategies = MonolithStrategy.allCases.map(\.rawValue)

  package var server: ServerSettings
  package var admin: AdminSettings
  package var database: DatabaseSettings
  package var coupons: CouponSettings
  package let logLevel: LogLevel
  /// Nil only where `DATABASE_URL` has been rejected.
  package let databaseConfiguration: PostgresConfiguration?

  package var strategy: MonolithStrategy { MonolithStrategy(rawValue: coupons.strategy) ?? .forUpdate }

  package init(_ reader: inout SettingsReader) {
    server = ServerSettings(&reader, defaultPort: 8081)
    admin = AdminSettings(&reader)
    database = DatabaseSettings(&reader, defaultCouponPool: 2)
    coupons = CouponSettings(&reader, strategies: MonolithSettings.strategies, admin: admin)
    logLevel = LogLevel(&reader)
    if coupons.strategy == MonolithStrategy.sharedPool.rawValue, !reader.isGiven("DATABASE_POOL") {
      database.pool = MonolithStrategy.sharedPoolSize
    }
    do throws(InvalidPostgresURL) {
      databaseConfiguration = try PostgresConfiguration(url: database.url)
    } catch {
      databaseConfiguration = nil
      reader.reject("DATABASE_URL", error.description)
    }
  }
}
