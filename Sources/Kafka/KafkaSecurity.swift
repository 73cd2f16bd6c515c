package import Operations

/// How a client is let in by its brokers: TLS, with a certificate of its own or without, a login, both or neither.
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

  /// How the client proves by TLS who it is. Secret: the key's password.
  package struct Certificate: Hashable, Sendable, Codable {
    /// PEM files: the certificate with those that lead to its authority, and its private key.
    package var path: String
    package var keyPath: String
    /// Where the key is encrypted.
    package var keyPassword: String?
  }

  package var mode: Mode
  /// Where the mode has a login.
  package var login: Login?
  /// The file with the authorities that may have signed the brokers' certificates, as PEM; nil: the system's.
  package var authorities: String?
  /// Where the brokers want one.
  package var certificate: Certificate?

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
    authorities = try reader.optionalFile(
      "KAFKA_CA", "A PEM file with the authorities of the brokers' certificates; else the system's.")
    let path = try reader.optionalFile(
      "KAFKA_CERT", "A PEM file with this program's own certificate, where the brokers want one.")
    let keyPath = try reader.optionalFile("KAFKA_KEY", "A PEM file with the private key of KAFKA_CERT.")
    let keyPassword = try reader.optional(
      "KAFKA_KEY_PASSWORD", "Of KAFKA_KEY, where it is encrypted.", secret: true
    ) { $0 }
    try Self.check(
      mode,
      [
        ("KAFKA_SASL_USERNAME", user != nil, .login), ("KAFKA_SASL_PASSWORD", password != nil, .login),
        ("KAFKA_CA", authorities != nil, .tls), ("KAFKA_CERT", path != nil, .tls),
        ("KAFKA_KEY", keyPath != nil, .tls), ("KAFKA_KEY_PASSWORD", keyPassword != nil, .tls),
      ])
    if let user, let password { login = Login(mechanism: mechanism, user: user, password: password) }
    switch (path, keyPath) {
    case (let path?, let keyPath?):
      certificate = Certificate(path: path, keyPath: keyPath, keyPassword: keyPassword)
    case (.some, nil): throw SettingsError(setting: "KAFKA_KEY", rule: "is required with KAFKA_CERT")
    case (nil, .some): throw SettingsError(setting: "KAFKA_CERT", rule: "is required with KAFKA_KEY")
    case (nil, nil):
      guard keyPassword == nil else {
        throw SettingsError(setting: "KAFKA_KEY", rule: "is required with KAFKA_KEY_PASSWORD")
      }
    }
  }

  private enum Need {
    case tls, login
  }

  /// What a mode needs is required, and what it does not need would protect nothing.
  private static func check(
    _ mode: Mode, _ given: [(key: String, isGiven: Bool, of: Need)]
  ) throws(SettingsError) {
    for (key, isGiven, need) in given {
      let (fits, modes) =
        need == .login ? (mode.hasLogin, "sasl_plaintext or sasl_ssl") : (mode.hasTLS, "ssl or sasl_ssl")
      if isGiven, !fits {
        throw SettingsError(
          setting: key, rule: "is for KAFKA_SECURITY_PROTOCOL \(modes), not \(mode.rawValue)")
      }
      if need == .login, fits, !isGiven {
        throw SettingsError(
          setting: key, rule: "is required with KAFKA_SECURITY_PROTOCOL \(mode.rawValue)")
      }
    }
  }

  /// The same as settings of a program.
  package var environment: [String: String] {
    var values = ["KAFKA_SECURITY_PROTOCOL": mode.rawValue]
    values["KAFKA_CA"] = authorities
    values["KAFKA_CERT"] = certificate?.path
    values["KAFKA_KEY"] = certificate?.keyPath
    values["KAFKA_KEY_PASSWORD"] = certificate?.keyPassword
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
    values["ssl.certificate.location"] = certificate?.path
    values["ssl.key.location"] = certificate?.keyPath
    values["ssl.key.password"] = certificate?.keyPassword
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
