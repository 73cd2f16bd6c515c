package import EventLoop
import Foundation
import PrivateServers

/// A real broker with a listener of each kind that managed ones have, and some that are wrong.
@LoopActor
package struct SecureKafka {
  package enum Listener: String, CaseIterable, Sendable {
    /// TLS and a login, by each mechanism.
    case login
    /// TLS and a login by PLAIN alone.
    case plainLogin
    /// TLS, and the client has to show a certificate.
    case mutual
    /// TLS with a certificate that was valid until yesterday.
    case expired
    /// TLS with a certificate for another host.
    case elsewhere
    /// Neither, and clients are sent to a name that does not resolve.
    case away

    fileprivate var name: String { rawValue.uppercased() }
    fileprivate var prefix: String { "listener.name.\(rawValue.lowercased())." }

    fileprivate var kind: String {
      switch self {
      case .login, .plainLogin: "SASL_SSL"
      case .mutual, .expired, .elsewhere: "SSL"
      case .away: "PLAINTEXT"
      }
    }
  }

  package nonisolated static var canBeStarted: Bool { PrivateKafka.isInstalled && TestCertificates.canBeMade }
  package nonisolated static let user = "shop"
  package nonisolated static let password = "the-brokers-password"
  package nonisolated static let mechanisms = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]

  package let certificates: TestCertificates
  /// Of a client that the broker believes.
  package let own: (certificate: String, key: String)
  /// Of a client whose authority the broker does not know.
  package let strange: (certificate: String, key: String)
  private let ports: [Listener: Int]

  /// What `KAFKA_BROKERS` takes.
  package func brokers(_ listener: Listener) -> String { "127.0.0.1:\(ports[listener] ?? 0)" }

  /// What lets a program in.
  package func settings(_ listener: Listener) -> [String: String] {
    var settings = ["KAFKA_BROKERS": brokers(listener)]
    guard listener != .away else { return settings }
    settings["KAFKA_SECURITY_PROTOCOL"] = listener.kind.lowercased()
    settings["KAFKA_CA"] = certificates.authority
    switch listener {
    case .login, .plainLogin:
      (settings["KAFKA_SASL_USERNAME"], settings["KAFKA_SASL_PASSWORD"]) = (Self.user, Self.password)
    case .mutual: (settings["KAFKA_CERT"], settings["KAFKA_KEY"]) = (own.certificate, own.key)
    case .expired, .elsewhere, .away: break
    }
    return settings
  }

  static func start() async throws -> SecureKafka {
    let certificates = try await TestCertificates.make()
    let stores = [
      Listener.login: (certificates.certificate, certificates.key),
      .plainLogin: (certificates.certificate, certificates.key),
      .mutual: (certificates.certificate, certificates.key),
      .expired: try await certificates.sign("expired", for: "IP:127.0.0.1", days: -1),
      .elsewhere: try await certificates.sign("elsewhere", for: "DNS:elsewhere.invalid"),
    ]
    let ports = try Dictionary(
      uniqueKeysWithValues: Listener.allCases.map { ($0, try Sockets.freePort()) })
    let folder = try TestServers.folder()
    var lines = try keys(stores, authority: certificates.authority, in: folder)
    lines += login + addresses(ports) + ["\(Listener.mutual.prefix)ssl.client.auth=required"]
    _ = try await PrivateKafka.start(
      in: folder, extra: lines,
      users: mechanisms.dropFirst().map { "\($0)=[name=\(user),password=\(password)]" },
      onProcess: try TestServers.observer(signal: "KILL"))
    let others = try await TestCertificates.make()
    return SecureKafka(
      certificates: certificates, own: try await certificates.sign("client", for: "DNS:client"),
      strange: (others.certificate, others.key), ports: ports)
  }

  private static func addresses(_ ports: [Listener: Int]) -> [String] {
    func all(_ of: (Listener) -> String) -> String { Listener.allCases.map(of).joined(separator: ",") }
    let bound = all { "\($0.name)://127.0.0.1:\(ports[$0] ?? 0)" }
    let told = all { "\($0.name)://\($0 == .away ? "nowhere.invalid" : "127.0.0.1"):\(ports[$0] ?? 0)" }
    return [
      "listeners=PLAINTEXT://127.0.0.1:$PORT,CONTROLLER://127.0.0.1:$CONTROLLER,\(bound)",
      "advertised.listeners=PLAINTEXT://127.0.0.1:$PORT,\(told)",
      "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,"
        + all { "\($0.name):\($0.kind)" },
      "inter.broker.listener.name=PLAINTEXT",
    ]
  }

  private static var login: [String] {
    let module = "org.apache.kafka.common.security"
    let scram = "\(module).scram.ScramLoginModule required;"
    let plain = "\(module).plain.PlainLoginModule required user_\(user)=\"\(password)\";"
    let prefix = Listener.login.prefix
    return [
      "\(prefix)sasl.enabled.mechanisms=\(mechanisms.joined(separator: ","))",
      "\(prefix)plain.sasl.jaas.config=\(plain)", "\(prefix)scram-sha-256.sasl.jaas.config=\(scram)",
      "\(prefix)scram-sha-512.sasl.jaas.config=\(scram)",
      "\(Listener.plainLogin.prefix)sasl.enabled.mechanisms=PLAIN",
      "\(Listener.plainLogin.prefix)plain.sasl.jaas.config=\(plain)",
    ]
  }

  private static func keys(
    _ stores: [Listener: (certificate: String, key: String)], authority: String, in folder: String
  ) throws -> [String] {
    var lines: [String] = []
    for (listener, (certificate, key)) in stores {
      let store = "\(folder)/\(listener.rawValue).pem"
      let pem = try [key, certificate].map { try Data(contentsOf: URL(fileURLWithPath: $0)) }
      try ServerFiles.writeSecret(pem[0] + pem[1], to: store)
      let prefix = listener.prefix + "ssl."
      lines += [
        "\(prefix)keystore.type=PEM", "\(prefix)keystore.location=\(store)", "\(prefix)truststore.type=PEM",
        "\(prefix)truststore.location=\(authority)",
      ]
    }
    return lines
  }
}

/// What keeps a program from its brokers, and the words that an operator needs.
package enum SecureTrouble: String, CaseIterable, Sendable {
  case wrongPassword, unknownUser, wrongMechanism, unknownAuthority, expired, anotherHost
  case noCertificate, strangeCertificate, plaintext, tls, advertisedName

  @LoopActor
  package func settings(of kafka: SecureKafka) -> [String: String] {
    var settings = kafka.settings(listener)
    switch self {
    case .wrongPassword: settings["KAFKA_SASL_PASSWORD"] = "another"
    case .unknownUser:
      (settings["KAFKA_SASL_USERNAME"], settings["KAFKA_SASL_MECHANISM"]) = ("nobody", "SCRAM-SHA-512")
    case .wrongMechanism: settings["KAFKA_SASL_MECHANISM"] = "SCRAM-SHA-256"
    case .unknownAuthority: settings["KAFKA_CA"] = kafka.certificates.otherAuthority
    case .noCertificate: (settings["KAFKA_CERT"], settings["KAFKA_KEY"]) = (nil, nil)
    case .strangeCertificate:
      (settings["KAFKA_CERT"], settings["KAFKA_KEY"]) = (kafka.strange.certificate, kafka.strange.key)
    case .plaintext: settings = ["KAFKA_BROKERS": kafka.brokers(listener)]
    case .tls:
      settings = kafka.settings(.expired)
      settings["KAFKA_BROKERS"] = kafka.brokers(listener)
    case .expired, .anotherHost, .advertisedName: break
    }
    return settings
  }

  private var listener: SecureKafka.Listener {
    switch self {
    case .wrongPassword, .unknownUser, .unknownAuthority, .plaintext: .login
    case .wrongMechanism: .plainLogin
    case .noCertificate, .strangeCertificate: .mutual
    case .expired: .expired
    case .anotherHost: .elsewhere
    case .tls, .advertisedName: .away
    }
  }

  package var words: [String] {
    switch self {
    case .wrongPassword, .unknownUser: ["Authentication failed", "check KAFKA_SASL_USERNAME"]
    case .wrongMechanism: ["KAFKA_SASL_MECHANISM must be one that the broker has"]
    case .unknownAuthority: ["certificate verify failed", "nobody in KAFKA_CA", "check KAFKA_CA"]
    case .expired: ["certificate verify failed", "has expired"]
    case .anotherHost: ["certificate verify failed", "not made out to this host"]
    case .noCertificate, .strangeCertificate:
      ["certificate", "wants a certificate of this program that it believes: check KAFKA_CERT and KAFKA_KEY"]
    case .plaintext, .tls: ["check KAFKA_SECURITY_PROTOCOL"]
    case .advertisedName: ["Failed to resolve 'nowhere.invalid", "advertised.listeners"]
    }
  }
}
