import CouponAPI
package import CouponLog
package import CouponStore
package import Faults
package import Operations
package import Postgres
package import Programs

/// What `eda worker` is told.
package struct WorkerSettings: ProgramSettings {
  package let server: ServerSettings
  package let admin: AdminSettings
  package let database: DatabaseSettings
  package let schema: Schema
  package let kafka: KafkaSettings
  package let coupons: CouponSettings<EDAStrategy>
  package let crash: CrashSetting?
  /// On from the start.
  package let bug: FaultSpec?
  package let logLevel: LogLevel

  package init(_ reader: inout SettingsReader) throws(SettingsError) {
    server = try ServerSettings(&reader, defaultPort: 8083)
    admin = try AdminSettings(&reader)
    database = try DatabaseSettings(
      &reader,
      use: "Connections to the database. All but one write, each another partition of the log at a time.")
    schema = try Schema(&reader, standard: .eda)
    kafka = try KafkaSettings(&reader)
    coupons = try CouponSettings(
      &reader, strategies: EDAStrategy.named, isOperated: admin.listener != nil)
    crash = try CrashSetting.read(&reader, isOperated: admin.listener != nil)
    bug = try FaultSpec.ofCoupons(&reader, isOperated: admin.listener != nil)
    logLevel = try LogLevel(&reader)
  }
}
