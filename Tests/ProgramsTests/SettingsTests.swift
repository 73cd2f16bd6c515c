import CouponStore
import Operations
import Postgres
import Programs
import TestSupport
import Testing

private struct Example: ProgramSettings {
  let server: ServerSettings
  let admin: AdminSettings
  let database: DatabaseSettings
  let couponPool: Int
  let schema: Schema
  let coupons: CouponSettings<Int>
  let level: LogLevel

  init(_ reader: inout SettingsReader) throws(SettingsError) {
    server = try ServerSettings(&reader, defaultPort: 8081)
    admin = try AdminSettings(&reader)
    database = try DatabaseSettings(&reader)
    couponPool = try reader.integer("COUPON_POOL", default: 2, in: 1...512, unit: "connections", "Few.")
    schema = try Schema(&reader, standard: .eda)
    coupons = try CouponSettings(
      &reader, strategies: [("log", 1), ("redis-lua:any-error", 2)], isOperated: admin.listener != nil)
    level = try LogLevel(&reader)
  }
}

@Suite(.limited) struct SettingsTests {
  private static let secret = "sesame-open-the-door"
  private static let complete = [
    "DATABASE_URL": "postgres://u:\(secret)@127.0.0.1/x", "COUPON_KEY": secret,
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
    #expect(settings.couponPool == 2)
    #expect(settings.schema == .eda)
    #expect(settings.coupons.strategy == 1 && settings.coupons.strategyName == "log")
    #expect(settings.server.readyFile == nil)
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
    (["DATABASE_URL": "nowhere"], "DATABASE_URL"), (["DATABASE_SCHEMA": "1st"], "DATABASE_SCHEMA"),
    (["HTTP_HOST": "a\nb"], "HTTP_HOST"), (["COUPON_STRATEGY": "none"], "COUPON_STRATEGY"),
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
    #expect(settings.coupons.strategy == 2)
    #expect(settings.coupons.clockOffsetMilliseconds == -1500)
    #expect(settings.admin.listener?.host == "127.0.0.1")
  }

  @Test func helpNamesEverySettingWithItsDefault() {
    let help = Example.help(program: "example", summary: "shows")
    #expect(help.contains("HTTP_PORT  --http-port  (0…65535; 8081)"))
    #expect(help.contains("DATABASE_URL  --database-url  (secret; required)"))
    #expect(help.contains("COUPON_POOL  --coupon-pool  (1…512 connections; 2)"))
    #expect(help.contains("ADMIN_PORT  --admin-port  (0…65535; not set)"))
    #expect(help.contains("READY_FILE  --ready-file  (text; not set)"))
  }

  @Test func whatIsDeclaredIsWhatTheHelpSays() throws {
    let declarations = Example.declarations
    #expect(declarations.map(\.key).first == "HTTP_HOST" && declarations.map(\.key).last == "LOG_LEVEL")
    #expect(Set(declarations.map(\.key)).count == declarations.count)
    let port = try #require(declarations.first { $0.key == "HTTP_PORT" })
    #expect(port.type == "0…65535" && port.standard == "8081" && !port.required)
    let key = try #require(declarations.first { $0.key == "COUPON_KEY" })
    #expect(key.type == "secret" && key.standard == nil && key.required)
  }
}
