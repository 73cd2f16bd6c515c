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
      "KAFKA_CERT": "/dev/null", "KAFKA_KEY": "/dev/null", "KAFKA_KEY_PASSWORD": "a secret of the key",
    ]
    let security = try Self.read(settings)
    #expect(security.environment == settings)
    let configuration = KafkaConfiguration(brokers: "h:1", clientID: "c", security: security)
    #expect(!"\(configuration)".contains("a secret"))
  }

  /// What is kept of it must mean the same file wherever it is read.
  @Test func aRelativePathIsOfTheFolderOfTheStart() throws {
    let folder = FileManager.default.currentDirectoryPath
    let file = "\(folder)/ca-\(UUID().uuidString).pem"
    try Data().write(to: URL(filePath: file))
    defer { try? FileManager.default.removeItem(atPath: file) }
    let name = try #require(file.split(separator: "/").last)
    let security = try Self.read(["KAFKA_SECURITY_PROTOCOL": "ssl", "KAFKA_CA": String(name)])
    #expect(security.authorities == file)
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
      ("KAFKA_KEY", ["KAFKA_SECURITY_PROTOCOL": "ssl", "KAFKA_CERT": "/dev/null"]),
      ("KAFKA_CERT", ["KAFKA_SECURITY_PROTOCOL": "ssl", "KAFKA_KEY": "/dev/null"]),
      ("KAFKA_KEY", ["KAFKA_SECURITY_PROTOCOL": "ssl", "KAFKA_KEY_PASSWORD": "a secret"]),
      ("KAFKA_CERT", ["KAFKA_CERT": "/dev/null", "KAFKA_KEY": "/dev/null"]),
    ] as [(String, [String: String])])
  func refused(key: String, settings: [String: String]) throws {
    let error = #expect(throws: SettingsError.self) { try Self.read(settings) }
    #expect(error?.setting == key)
    #expect(!"\(error.map { "\($0)" } ?? "")".contains("a secret"))
  }

  /// SCRAM of a library before 2.6.1 is refused by Kafka 4 (see `ConnectionAdvice`): then that is said.
  @Test("lets a client in by", .enabled(if: SecureKafka.canBeStarted), arguments: SecureKafka.mechanisms)
  func login(mechanism: String) async throws {
    try await onLoop {
      let kafka = try await TestServers.secureKafka()
      var settings = kafka.settings(.login)
      settings["KAFKA_SASL_MECHANISM"] = mechanism
      let answer = try await Self.answer(settings)
      let isRefused =
        mechanism != "PLAIN"
        && KafkaConfiguration.libraryVersion.compare("2.6.1", options: .numeric) == .orderedAscending
      if isRefused {
        #expect(answer.contains("refuse the SCRAM of librdkafka before 2.6.1"), "\(answer)")
      } else {
        #expect(answer == "1 brokers")
      }
    }
  }

  @Test(.enabled(if: SecureKafka.canBeStarted)) func aCertificateOfTheClient() async throws {
    try await onLoop {
      let kafka = try await TestServers.secureKafka()
      #expect(try await Self.answer(kafka.settings(.mutual)) == "1 brokers")
    }
  }

  /// What a look at the cluster says; what is asked of a broker by its own name, too.
  @LoopActor
  private static func answer(_ settings: [String: String]) async throws -> String {
    let admin = try KafkaAdmin(
      configuration: KafkaConfiguration(
        brokers: settings["KAFKA_BROKERS"] ?? "", clientID: "test", security: try read(settings)))
    var said = ""
    do {
      said = "\(try await admin.describe("test", deadline: .now + .seconds(8)).brokers) brokers"
      _ = try await admin.committed(by: "test", of: "test", partitions: 1, deadline: .now + .seconds(8))
    } catch { said = "\(error)" }
    await admin.close()
    return said
  }
}
