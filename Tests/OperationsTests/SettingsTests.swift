import Operations
import Testing

private struct Example: ProgramSettings {
  let server: ServerSettings
  let admin: AdminSettings
  let database: DatabaseSettings
  let kafka: KafkaSettings
  let coupons: CouponSettings
  let level: LogLevel

  init(_ reader: inout SettingsReader) {
    server = ServerSettings(&reader, defaultPort: 8081)
    admin = AdminSettings(&reader)
    database = DatabaseSettings(&reader, defaultCouponPool: 2)
    kafka = KafkaSettings(&reader)
    coupons = CouponSettings(&reader, strategies: ["log", "redis-lua:any-error"], admin: admin)
    level = LogLevel(&reader)
  }
}

@Suite struct SettingsTests {
  private static let secret = "sesame-open-the-door"
  private static let complete = [
    "DATABASE_URL": "postgres://u:\(secret)@127.0.0.1/x", "KAFKA_BROKERS": "127.0.0.1:9092,[::1]:9093",
    "COUPON_KEY": secret,
  ]

  private func read(_ extra: [String: String] = [:], _ arguments: [String] = []) throws -> Example {
    try Example.read(environment: Self.complete.merging(extra) { $1 }, arguments: arguments)
  }

  private func problem(_ extra: [String: String], _ arguments: [String] = []) -> SettingsError? {
    do {
      _ = try read(extra, arguments)
      return nil
    } catch let error as SettingsError { return error } catch { return nil }
  }

  @Test func defaultsAreTheDesigns() throws {
    let settings = try read()
    #expect(settings.server.host == "127.0.0.1")
    #expect(settings.server.port == 8081)
    #expect(!settings.server.sharePort)
    #expect(settings.server.maxConnections == 16_384)
    #expect(settings.server.requestDeadline == .seconds(2))
    #expect(settings.admin.listener == nil)
    #expect(settings.database.pool == 8)
    #expect(settings.database.couponPool == 2)
    #expect(settings.kafka.topic == "TimeAttackCouponIssue")
    #expect(settings.kafka.partitions == 8)
    #expect(settings.coupons.strategy == "log")
    #expect(settings.level == .info)
  }

  @Test func aFlagSaysTheSameAsAVariableAndWins() throws {
    #expect(try read(["HTTP_PORT": "1"], ["--http-port", "2"]).server.port == 2)
    #expect(try read([:], ["--http-port=3"]).server.port == 3)
    #expect(try read([:], ["--share-port"]).server.sharePort)
    #expect(try read([:], ["--share-port", "--http-port", "4"]).server.sharePort)
    #expect(try read(["HTTP_PORT": ""]).server.port == 8081)
  }

  @Test(arguments: [
    (["HTTP_PORT": "70000"], "HTTP_PORT"), (["HTTP_PORT": "x"], "HTTP_PORT"),
    (["REQUEST_DEADLINE_MS": "0"], "REQUEST_DEADLINE_MS"), (["SHARE_PORT": "perhaps"], "SHARE_PORT"),
    (["DATABASE_URL": ""], "DATABASE_URL"), (["COUPON_KEY": "short"], "COUPON_KEY"),
    (["KAFKA_BROKERS": "nowhere"], "KAFKA_BROKERS"), (["KAFKA_TOPIC": "a b"], "KAFKA_TOPIC"),
    (["LOG_LEVEL": "loud"], "LOG_LEVEL"), (["ADMIN_PORT": "1"], "ADMIN_TOKEN"),
    (["ADMIN_TOKEN": "0123456789abcdef"], "ADMIN_PORT"),
    (["ADMIN_TOKEN": "short", "ADMIN_PORT": "1"], "ADMIN_TOKEN"), (["ADMIN_PEERS": "x"], "ADMIN_PEERS"),
    (["COUPON_STRATEGY": "redis-lua:any-error"], "COUPON_STRATEGY"),
    (["CLOCK_OFFSET_MS": "5"], "CLOCK_OFFSET_MS"),
  ])
  func absurdSettingsAreNamed(extra: [String: String], setting: String) {
    let error = problem(extra)
    #expect(error?.setting == setting)
    #expect(error?.description.contains("\n") == false)
    #expect(error?.description.contains(Self.secret) == false)
  }

  @Test(arguments: [
    (["--nothing", "1"], "--nothing"), (["stray"], "stray"), (["--http-port"], "HTTP_PORT"),
    (["--http-port", "1", "--http-port", "2"], "--http-port"), (["--HTTP_PORT", "1"], "--HTTP_PORT"),
  ])
  func unknownFlagsAreNamed(arguments: [String], setting: String) {
    #expect(problem([:], arguments)?.setting == setting)
  }

  @Test func otherStrategiesAndClocksNeedTheOperatorsListener() throws {
    let settings = try read([
      "ADMIN_PORT": "0", "ADMIN_TOKEN": "0123456789abcdef", "COUPON_STRATEGY": "redis-lua:any-error",
      "CLOCK_OFFSET_MS": "-1500",
    ])
    #expect(settings.coupons.strategy == "redis-lua:any-error")
    #expect(settings.coupons.clockOffsetMilliseconds == -1500)
    #expect(settings.admin.listener?.host == "127.0.0.1")
  }

  @Test func helpNamesEverySettingWithItsDefault() {
    let help = Example.help(program: "example", summary: "shows")
    #expect(help.contains("HTTP_PORT  --http-port  (0…65535; 8081)"))
    #expect(help.contains("DATABASE_URL  --database-url  (secret; required)"))
    #expect(help.contains("COUPON_POOL  --coupon-pool  (1…512 connections; 2)"))
    #expect(help.contains("ADMIN_PORT  --admin-port  (0…65535; not set)"))
  }
}
