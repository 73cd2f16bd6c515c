package import Operations
package import Postgres
package import Redis

/// What `eda api` is told.
package struct APISettings: ProgramSettings {
  /// The names of `COUPON_STRATEGY`, the default first.
  package static let strategies = EDAStrategy.names

  package var server: ServerSettings
  package var admin: AdminSettings
  package var database: DatabaseSettings
  package var redis: RedisSettings
  package var kafka: KafkaSettings
  package var coupons: CouponSettings
  package var crash: CrashSetting?
  package let logLevel: LogLevel
  /// Nil only where the setting has been rejected.
  package let databaseConfiguration: PostgresConfiguration?
  package let redisConfiguration: RedisConfiguration?

  package init(_ reader: inout SettingsReader) {
    server = ServerSettings(&reader, defaultPort: 8082)
    admin = AdminSettings(&reader)
    database = DatabaseSettings(&reader)
    redis = RedisSettings(&reader)
    kafka = KafkaSettings(&reader)
    coupons = CouponSettings(&reader, strategies: APISettings.strategies, admin: admin)
    crash = CrashSetting.read(&reader, admin: admin)
    logLevel = LogLevel(&reader)
    databaseConfiguration = database.configuration(&reader)
    do throws(InvalidRedisURL) {
      redisConfiguration = try RedisConfiguration(url: redis.url)
    } catch {
      redisConfiguration = nil
      reader.reject("REDIS_URL", error.description)
    }
  }
}

/// What `eda worker` is told.
package struct WorkerSettings: ProgramSettings {
  package var server: ServerSettings
  package var admin: AdminSettings
  package var database: DatabaseSettings
  package var kafka: KafkaSettings
  package var coupons: CouponSettings
  package var crash: CrashSetting?
  package let logLevel: LogLevel
  /// Nil only where `DATABASE_URL` has been rejected.
  package let databaseConfiguration: PostgresConfiguration?

  package init(_ reader: inout SettingsReader) {
    server = ServerSettings(&reader, defaultPort: 8083)
    admin = AdminSettings(&reader)
    database = DatabaseSettings(&reader)
    kafka = KafkaSettings(&reader)
    coupons = CouponSettings(&reader, strategies: APISettings.strategies, admin: admin)
    crash = CrashSetting.read(&reader, admin: admin)
    logLevel = LogLevel(&reader)
    databaseConfiguration = database.configuration(&reader)
  }
}

extension DatabaseSettings {
  fileprivate func configuration(_ reader: inout SettingsReader) -> PostgresConfiguration? {
    do throws(InvalidPostgresURL) {
      return try PostgresConfiguration(url: url)
    } catch {
      reader.reject("DATABASE_URL", error.description)
      return nil
    }
  }
}

extension CouponSettings {
  /// The event-driven strategy that the name stands for.
  package var edaStrategy: EDAStrategy { EDAStrategy(strategy) ?? .log }
}
