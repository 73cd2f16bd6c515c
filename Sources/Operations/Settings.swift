/// The settings that a program reads as a whole: `init` declares and reads each in one place.
package protocol ProgramSettings: Sendable {
  init(_ reader: inout SettingsReader)

  /// The least that is logged.
  var logLevel: LogLevel { get }
}

extension ProgramSettings {
  package var logLevel: LogLevel { .info }

  /// - Throws: the first setting that is missing, unknown or absurd.
  package static func read(
    environment: [String: String], arguments: [String]
  ) throws(SettingsError) -> Self {
    var reader = SettingsReader(environment: environment, arguments: arguments)
    let settings = Self(&reader)
    try reader.finish()
    return settings
  }

  package static func help(program: String, summary: String) -> String {
    var reader = SettingsReader(environment: [:], arguments: [])
    _ = Self(&reader)
    return reader.help(program: program, summary: summary)
  }
}

/// The public listener, and how long one request may take.
package struct ServerSettings: Sendable {
  package var host: String
  /// 0 asks the kernel for a free one.
  package var port: Int
  package var sharePort: Bool
  package var maxConnections: Int
  package var requestDeadline: Duration

  package init(_ reader: inout SettingsReader, defaultPort: Int) {
    host = reader.text("HTTP_HOST", default: "127.0.0.1", "Address to listen on.")
    port = reader.integer(
      "HTTP_PORT", default: defaultPort, in: 0...65_535, "Port to listen on; 0: any free one.")
    sharePort = reader.toggle(
      "SHARE_PORT", default: false, "Let several processes listen on one port (SO_REUSEPORT).")
    maxConnections = reader.integer(
      "MAX_CONNECTIONS", default: 16_384, in: 1...1_000_000, unit: "connections",
      "More are refused; bounds the waiting room too.")
    requestDeadline = .milliseconds(
      reader.integer(
        "REQUEST_DEADLINE_MS", default: 2_000, in: 10...600_000, unit: "ms",
        "After this a request is answered 503."))
  }
}

/// The operator's listener: absent unless both port and token are given.
package struct AdminSettings: Sendable {
  package struct Listener: Sendable {
    package var host: String
    /// 0 asks the kernel for a free one.
    package var port: Int
    /// Secret.
    package var token: String
  }

  package var listener: Listener?
  /// `host:port` of the admin listeners that fault switches are forwarded to.
  package var peers: [String]

  package init(_ reader: inout SettingsReader) {
    let host = reader.text("ADMIN_HOST", default: "127.0.0.1", "Address of the operator's listener.")
    let port = reader.optionalInteger(
      "ADMIN_PORT", in: 0...65_535, "Port of the operator's listener; 0: any free one.")
    let token = reader.optionalText(
      "ADMIN_TOKEN", "Bearer token of the operator's calls; at least 16 bytes.", secret: true)
    peers =
      reader.optionalText("ADMIN_PEERS", "host:port,… of other admin listeners that hear of fault switches.")?
      .split(separator: ",").map(String.init) ?? []
    if !peers.allSatisfy(isAddress) { reader.reject("ADMIN_PEERS", "must be host:port, separated by commas") }
    if port != nil, token == nil { reader.reject("ADMIN_TOKEN", "is required where ADMIN_PORT is given") }
    if port == nil, token != nil { reader.reject("ADMIN_PORT", "is required where ADMIN_TOKEN is given") }
    guard let port, let token else { return }
    if token.utf8.count < 16 { reader.reject("ADMIN_TOKEN", "must be at least 16 bytes long") }
    if !token.utf8.allSatisfy({ (33...126).contains($0) }) {
      reader.reject("ADMIN_TOKEN", "must be visible ASCII characters without spaces")
    }
    listener = Listener(host: host, port: port, token: token)
  }
}

package struct DatabaseSettings: Sendable {
  /// Secret: it may hold a password.
  package var url: String
  package var pool: Int
  package var couponPool: Int
  /// The schema of the program's tables; nil: of the program's name. Labs that share a database have one each.
  package var schema: String?

  /// `couponPool` is the monolith's; others pass nil and read one pool only.
  package init(_ reader: inout SettingsReader, defaultCouponPool: Int? = nil) {
    url = reader.requiredText("DATABASE_URL", "postgres://user:password@host:port/database", secret: true)
    pool = reader.integer(
      "DATABASE_POOL", default: 8, in: 1...512, unit: "connections",
      defaultCouponPool == nil
        ? "Connections to the database."
        : "Connections to the database: half of them for looking coupons up, half for everything else; "
          + "with shared-pool all of them for everything, and 16 by default.")
    couponPool =
      defaultCouponPool.map { standard in
        reader.integer(
          "COUPON_POOL", default: standard, in: 1...512, unit: "connections",
          "Connections that issue coupons; few, for they wait for one row.")
      } ?? 0
    schema = reader.optionalText(
      "DATABASE_SCHEMA", "Schema of the tables, where it is not the program's name.")
    if let schema, !isSchemaName(schema) {
      reader.reject("DATABASE_SCHEMA", "must be 1 to 63 of the characters a-z0-9_, not a digit first")
    }
  }
}

package struct RedisSettings: Sendable {
  /// Secret: it may hold a password.
  package var url: String
  /// What every key begins with; labs that share a server have one each.
  package var keyPrefix: String

  package init(_ reader: inout SettingsReader) {
    url = reader.requiredText("REDIS_URL", "redis://:password@host:port/number", secret: true)
    keyPrefix = reader.text("KEY_PREFIX", default: "", "What every key begins with.")
    if keyPrefix.utf8.count > 64 || keyPrefix.utf8.contains(where: { "{}*?[]\\ ".utf8.contains($0) }) {
      reader.reject("KEY_PREFIX", "must be at most 64 bytes without blanks, braces, brackets, *, ? and \\")
    }
  }
}

package struct KafkaSettings: Sendable {
  package var brokers: String
  package var topic: String
  package var partitions: Int

  package init(_ reader: inout SettingsReader) {
    brokers = reader.requiredText("KAFKA_BROKERS", "host:port,… of the brokers to begin with.")
    if !brokers.isEmpty,
      !brokers.split(separator: ",", omittingEmptySubsequences: false).allSatisfy(isAddress)
    {
      reader.reject("KAFKA_BROKERS", "must be host:port, separated by commas")
    }
    topic = reader.text("KAFKA_TOPIC", default: "TimeAttackCouponIssue", "The log.")
    if !isTopicName(topic) { reader.reject("KAFKA_TOPIC", "must be 1 to 249 of the characters A-Za-z0-9._-") }
    partitions = reader.integer(
      "KAFKA_PARTITIONS", default: 8, in: 1...1_024, unit: "partitions",
      "How many partitions the log has; never changes.")
  }
}

/// How coupons are issued, in both architectures.
package struct CouponSettings: Sendable {
  /// Secret: what the coupon ids are derived with, 16 to 1,024 bytes.
  package var key: String
  package var strategy: String
  /// Added to the wall clock; for experiments.
  package var clockOffsetMilliseconds: Int

  /// `strategies`: the names that the program knows, the default first.
  package init(_ reader: inout SettingsReader, strategies: [String], admin: AdminSettings) {
    key = reader.requiredText("COUPON_KEY", "The secret of the coupon ids, 16 to 1024 bytes.", secret: true)
    if !(16...1024).contains(key.utf8.count) { reader.reject("COUPON_KEY", "must be 16 to 1024 bytes long") }
    strategy = reader.choice("COUPON_STRATEGY", of: strategies, "How a coupon is decided.")
    clockOffsetMilliseconds = reader.integer(
      "CLOCK_OFFSET_MS", default: 0, in: -315_360_000_000...315_360_000_000, unit: "ms",
      "Added to the clock; for experiments.")
    guard admin.listener == nil else { return }
    if strategy != strategies.first {
      reader.reject(
        "COUPON_STRATEGY", "other than the default needs the admin listener (ADMIN_PORT, ADMIN_TOKEN)")
    }
    if clockOffsetMilliseconds != 0 {
      reader.reject("CLOCK_OFFSET_MS", "needs the admin listener (ADMIN_PORT, ADMIN_TOKEN)")
    }
  }
}

private func isAddress(_ text: some StringProtocol) -> Bool {
  guard let colon = text.lastIndex(of: ":"), colon != text.startIndex else { return false }
  guard let port = Int(text[text.index(after: colon)...]), (1...65_535).contains(port) else { return false }
  return text[..<colon].utf8.allSatisfy { (33...126).contains($0) }
}

private func isSchemaName(_ text: String) -> Bool {
  (1...63).contains(text.utf8.count) && !(text.utf8.first.map { (48...57).contains($0) } ?? true)
    && text.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 95 }
}

private func isTopicName(_ text: String) -> Bool {
  (1...249).contains(text.utf8.count) && text != "." && text != ".."
    && text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
        true
      default: false
      }
    }
}

extension LogLevel {
  package init(_ reader: inout SettingsReader) {
    let names = ["info"] + LogLevel.allCases.map(\.rawValue).filter { $0 != "info" }
    self = LogLevel(rawValue: reader.choice("LOG_LEVEL", of: names, "The least that is logged.")) ?? .info
  }
}
