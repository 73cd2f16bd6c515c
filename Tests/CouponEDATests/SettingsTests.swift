import CouponLog
import CouponAdmission
import CouponStore
import Operations
import Redis
import TestSupport
import Testing

@Suite(.limited) struct SettingsTests {
  private static let complete = [
    "DATABASE_URL": "postgres://u@127.0.0.1/x", "KAFKA_BROKERS": "127.0.0.1:9092,[::1]:9093",
    "REDIS_URL": "redis://127.0.0.1", "COUPON_KEY": "sesame-open-the-door",
  ]

  @Test func defaultsAreTheDesigns() throws {
    let settings = try APISettings.read(environment: Self.complete, arguments: [])
    #expect(settings.kafka.topic == "TimeAttackCouponIssue" && settings.kafka.partitions == 8)
    #expect(settings.coupons.strategy == .log && settings.schema.name == "eda")
  }

  @Test func theAuthoritiesAreRedis() throws {
    let secure = ["REDIS_URL": "rediss://:pw@a,b:7000", "REDIS_CA": "/dev/null"]
    let settings = try APISettings.read(environment: Self.complete.merging(secure) { $1 }, arguments: [])
    let redis = settings.redis.configuration
    #expect(redis.isEncrypted && redis.authorities == "/dev/null" && redis.addresses.count == 2)
  }

  @Test(arguments: [
    (["KAFKA_BROKERS": "nowhere"], "KAFKA_BROKERS"), (["KAFKA_BROKERS": ""], "KAFKA_BROKERS"),
    (["KAFKA_TOPIC": "a b"], "KAFKA_TOPIC"), (["REDIS_URL": "http://x"], "REDIS_URL"),
    (["REDIS_CA": "/dev/null"], "REDIS_CA"),
    (["REDIS_URL": "rediss://x", "REDIS_CA": "/nowhere/ca.pem"], "REDIS_CA"),
    (["KEY_PREFIX": "a{b"], "KEY_PREFIX"), (["CRASH_AT": "tea"], "CRASH_AT"),
    (["CRASH_AT": "api-after-gate"], "CRASH_AT"),
  ])
  func absurdSettingsAreNamed(extra: [String: String], setting: String) {
    let environment = Self.complete.merging(extra) { $1 }
    let error = #expect(throws: SettingsError.self) {
      try APISettings.read(environment: environment, arguments: [])
    }
    #expect(error?.setting == setting)
  }
}
