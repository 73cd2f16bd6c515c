import EventLoop
import Foundation
import Kafka
import Operations
import PrivateServers
import TestSupport
import Testing

/// TLS and a login, as managed brokers demand them.
@Suite("How brokers let a client in", .limited)
struct SecurityTests {
  private static func read(_ settings: [String: String]) throws -> KafkaSecurity {
    var reader = SettingsReader(environment: settings, arguments: [])
    return try KafkaSecurity(&reader)
  }

  @Test func nothingIsNeededByDefault() throws { #expect(try Self.read([:]) == .none) }

  @Test func whatIsReadIsGivenToPrograms() throws {
    let settings = [
      "KAFKA_SECURITY_PROTOCOL": "sasl_ssl", "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
      "KAFKA_SASL_USERNAME": "shop", "KAFKA_SASL_PASSWORD": "a secret", "KAFKA_CA": "/dev/null",
    ]
    let security = try Self.read(settings)
    #expect(security.environment == settings)
    let configuration = KafkaConfiguration(brokers: "h:1", clientID: "c", security: security)
    #expect(!"\(configuration)".contains("a secret"))
  }

  @Test(
    "says which setting is missing or of no use",
    arguments: [
      ("KAFKA_SASL_USERNAME", ["KAFKA_SECURITY_PROTOCOL": "sasl_plaintext"]),
      (
        "KAFKA_SASL_PASSWORD",
        ["KAFKA_SECURITY_PROTOCOL": "sasl_plaintext", "KAFKA_SASL_USERNAME": "shop"]
      ),
      ("KAFKA_SASL_PASSWORD", ["KAFKA_SASL_PASSWORD": "a secret"]),
      ("KAFKA_SASL_USERNAME", ["KAFKA_SECURITY_PROTOCOL": "ssl", "KAFKA_SASL_USERNAME": "shop"]),
      ("KAFKA_CA", ["KAFKA_CA": "/dev/null"]),
      ("KAFKA_CA", ["KAFKA_SECURITY_PROTOCOL": "ssl", "KAFKA_CA": "/nowhere/ca.pem"]),
      ("KAFKA_SECURITY_PROTOCOL", ["KAFKA_SECURITY_PROTOCOL": "tls"]),
    ] as [(String, [String: String])])
  func refused(key: String, settings: [String: String]) throws {
    let error = #expect(throws: SettingsError.self) { try Self.read(settings) }
    #expect(error?.setting == key)
    #expect(!"\(error.map { "\($0)" } ?? "")".contains("a secret"))
  }

  /// A broker that speaks TLS, with a certificate that it has signed itself, and wants a login.
  @Test(.enabled(if: PrivateKafka.isInstalled, "no Kafka is installed"))
  func aBrokerThatWantsBoth() async throws {
    try await onLoop {
      let folder = try TestServers.folder()
      let (store, authorities) = ("\(folder)/broker.p12", "\(folder)/ca.pem")
      let key = ["-alias", "broker", "-keystore", store, "-storepass", "of-the-store"]
      try await Self.keytool(
        [
          "-genkeypair", "-keyalg", "EC", "-storetype", "PKCS12", "-dname", "CN=broker", "-ext",
          "san=ip:127.0.0.1",
        ]
          + key)
      try await Self.keytool(["-exportcert", "-rfc", "-file", authorities] + key)
      let plain = "org.apache.kafka.common.security.plain.PlainLoginModule required"
      let server = try await PrivateKafka.start(
        in: folder,
        extra: [
          "listeners=SASL_SSL://127.0.0.1:$PORT,CONTROLLER://127.0.0.1:$CONTROLLER",
          "advertised.listeners=SASL_SSL://127.0.0.1:$PORT",
          "listener.security.protocol.map=SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT",
          "inter.broker.listener.name=SASL_SSL", "sasl.mechanism.inter.broker.protocol=PLAIN",
          "sasl.enabled.mechanisms=PLAIN", "ssl.keystore.location=\(store)", "ssl.keystore.type=PKCS12",
          "ssl.keystore.password=of-the-store", "ssl.truststore.location=\(store)",
          "ssl.truststore.type=PKCS12", "ssl.truststore.password=of-the-store",
          "listener.name.sasl_ssl.plain.sasl.jaas.config=\(plain) username=\"shop\" password=\"pw\" user_shop=\"pw\";",
        ], onProcess: try TestServers.observer(signal: "KILL"))
      let right = [
        "KAFKA_SECURITY_PROTOCOL": "sasl_ssl", "KAFKA_SASL_USERNAME": "shop", "KAFKA_SASL_PASSWORD": "pw",
        "KAFKA_CA": authorities,
      ]
      #expect(try await Self.answer(of: server, to: right) == "1 brokers")
      let wrongPassword = try await Self.answer(
        of: server, to: right.merging(["KAFKA_SASL_PASSWORD": "p"]) { $1 })
      #expect(wrongPassword.contains("Authentication failed"), "\(wrongPassword)")
      let unknownAuthority = try await Self.answer(of: server, to: right.filter { $0.key != "KAFKA_CA" })
      #expect(unknownAuthority.contains("certificate verify failed"), "\(unknownAuthority)")
      let plaintext = try await Self.answer(of: server, to: [:])
      #expect(plaintext.contains("connecting to a SSL listener?"), "\(plaintext)")
      await server.stop()
    }
  }

  /// What a look at the cluster says.
  @LoopActor
  private static func answer(of server: PrivateKafka, to settings: [String: String]) async throws -> String {
    let admin = try KafkaAdmin(
      configuration: KafkaConfiguration(
        brokers: server.brokers, clientID: "test", security: try read(settings)))
    var said = ""
    do {
      said = "\(try await admin.describe("test", deadline: .now + .seconds(8)).brokers) brokers"
    } catch { said = "\(error)" }
    await admin.close()
    return said
  }

  @LoopActor
  private static func keytool(_ arguments: [String]) async throws {
    let (status, output) = try await ChildProcess.run(
      .init(try #require(Binaries.find("keytool")), arguments, output: .capture(limit: 65_536)))
    #expect(status.isSuccess, "\(String(decoding: output, as: UTF8.self))")
  }
}
