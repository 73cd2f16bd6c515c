package import Operations

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// How a client is let in by its brokers: TLS, a login, both or neither.
package struct KafkaSecurity: Hashable, Sendable, Codable {
  /// Whether the connection is encrypted, and whether there is a login, by the names that Kafka gives them.
  package enum Mode: String, Hashable, Sendable, Codable, CaseIterable {
    case plaintext, ssl
    case saslPlaintext = "sasl_plaintext"
    case saslSSL = "sasl_ssl"

    var hasTLS: Bool { self == .ssl || self == .saslSSL }
    var hasLogin: Bool { self == .saslPlaintext || self == .saslSSL }
  }

  package enum Mechanism: String, Hashable, Sendable, Codable, CaseIterable {
    case plain = "PLAIN"
    case scram256 = "SCRAM-SHA-256"
    case scram512 = "SCRAM-SHA-512"
  }

  /// Secret: the password.
  package struct Login: Hashable, Sendable, Codable {
    package var mechanism: Mechanism
    package var user: String
    package var password: String
  }

  package var mode: Mode
  /// Where the mode has a login.
  package var login: Login?
  /// The file with the authorities that may have signed the brokers' certificates, as PEM; nil: the system's.
  package var authorities: String?

  /// Neither.
  package static let none = KafkaSecurity(mode: .plaintext)

  private init(mode: Mode) { self.mode = mode }

  /// Reads `KAFKA_SECURITY_PROTOCOL` and what it needs. What it does not need is refused: it would protect nothing.
  package init(_ reader: inout SettingsReader) throws(SettingsError) {
    mode = try reader.choice(
      "KAFKA_SECURITY_PROTOCOL", of: Mode.allCases.map { ($0.rawValue, $0) },
      "How the brokers are spoken to: ssl is TLS, sasl a login."
    ).value
    let mechanism = try reader.choice(
      "KAFKA_SASL_MECHANISM", of: Mechanism.allCases.map { ($0.rawValue, $0) },
      "How the login is proved."
    ).value
    let user = try reader.optional("KAFKA_SASL_USERNAME", "Who logs in.") { $0 }
    let password = try reader.optional("KAFKA_SASL_PASSWORD", "The login's password.", secret: true) { $0 }
    authorities = try reader.optional(
      "KAFKA_CA", "A PEM file with the authorities of the brokers' certificates; else the system's."
    ) { path in
      guard access(path, R_OK) == 0 else { throw BrokenRule("must name a file that can be read") }
      return path
    }
    let needs = [
      ("KAFKA_SASL_USERNAME", user != nil, mode.hasLogin),
      ("KAFKA_SASL_PASSWORD", password != nil, mode.hasLogin),
    ]
    for (key, isGiven, isNeeded) in needs where isGiven != isNeeded {
      throw SettingsError(
        setting: key,
        rule: isNeeded
          ? "is required with KAFKA_SECURITY_PROTOCOL \(mode.rawValue)"
          : "is for KAFKA_SECURITY_PROTOCOL sasl_plaintext or sasl_ssl, not \(mode.rawValue)")
    }
    guard authorities == nil || mode.hasTLS else {
      throw SettingsError(
        setting: "KAFKA_CA",
        rule: "is for KAFKA_SECURITY_PROTOCOL ssl or sasl_ssl, not \(mode.rawValue)")
    }
    if let user, let password { login = Login(mechanism: mechanism, user: user, password: password) }
  }

  /// The same as settings of a program.
  package var environment: [String: String] {
    var values = ["KAFKA_SECURITY_PROTOCOL": mode.rawValue]
    values["KAFKA_CA"] = authorities
    values["KAFKA_SASL_MECHANISM"] = login?.mechanism.rawValue
    values["KAFKA_SASL_USERNAME"] = login?.user
    values["KAFKA_SASL_PASSWORD"] = login?.password
    return values
  }

  /// The same as settings of librdkafka.
  var extra: [String: String] {
    guard mode != .plaintext else { return [:] }
    var values = ["security.protocol": mode.rawValue]
    values["ssl.ca.location"] = authorities
    values["sasl.mechanism"] = login?.mechanism.rawValue
    values["sasl.username"] = login?.user
    values["sasl.password"] = login?.password
    return values
  }
}

extension KafkaConfiguration {
  package init(brokers: String, clientID: String, security: KafkaSecurity) {
    self.init(brokers: brokers, clientID: clientID, extra: security.extra)
  }
}
