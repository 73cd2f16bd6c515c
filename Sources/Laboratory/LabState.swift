import CouponStore
package import EventLoop
package import Kafka
import Foundation
package import PrivateServers
package import Redis
package import History
import Terminal

/// What `.lab/lab.json` says: the laboratory's name and secrets, its servers' addresses and what runs. Only its owner may read it.
package struct LabState: Codable, Sendable {
  /// A server with an address that holds a secret.
  package struct Server: Codable, Hashable, Sendable {
    package var url: String
    /// Ours; else it was named by the user and belongs to others as well.
    package var isPrivate: Bool
    /// Of a Redis that is reached through TLS: the file with the authorities of its certificate.
    package var authorities: String?

    /// For one of the laboratory's clients.
    package func redis() throws -> RedisConfiguration {
      try RedisConfiguration(url: url, authorities: authorities)
    }
  }

  package struct Log: Codable, Hashable, Sendable {
    package enum Kind: String, Codable, Sendable {
      /// `eda broker`: in memory, gone when it ends.
      case embedded
      /// A private broker of an installed Kafka.
      case installed
      /// The user's.
      case named
    }
    package var brokers: String
    package var kind: Kind
    package var partitions: Int
    /// Of the user's brokers; it may hold a secret.
    package var security: KafkaSecurity?

    package init(brokers: String, kind: Kind, partitions: Int) {
      (self.brokers, self.kind, self.partitions) = (brokers, kind, partitions)
    }

    /// For one of the laboratory's clients.
    package func client(_ name: String) -> KafkaConfiguration {
      KafkaConfiguration(brokers: brokers, clientID: name, security: security ?? .none)
    }
  }

  /// A process of this laboratory.
  package struct Part: Codable, Hashable, Sendable {
    package var part: LabPart
    package var process: RunningProcess
    /// Where it listens; 0 until it does.
    package var port: Int = 0
    /// The operator's listener of a program.
    package var adminPort: Int = 0
    /// The configured addresses of a program's two listeners; nil: the loopback.
    package var host: String?
    package var adminHost: String?
    /// A program's settings beside the laboratory's own, and the folder of its executable: for a restart.
    package var settings: [String: String]?
    package var programs: String?
    /// `process` is the keeper of the program (`lab up --restart`), which starts it again when it has ended.
    package var isKept: Bool?

    /// Where this machine reaches the public listener, and the operator's.
    package var address: SocketAddress { ListenAddress(host).reached(port: port) }
    package var operatorAddress: SocketAddress { ListenAddress(adminHost).reached(port: adminPort) }

    /// `http://127.0.0.1:port`
    package var url: String { "http://\(address)" }
    package var operatorURL: String { "http://\(operatorAddress)" }
  }

  package var version = 1
  /// Eight hexadecimal digits that tell laboratories apart on servers they share.
  package var id: String
  /// Secret: what coupon ids are derived with.
  package var couponKey: String
  /// Secret: the operator's.
  package var adminToken: String
  package var database: Server?
  package var redis: Server?
  /// Of the programs on private servers, by part, and of the event-driven API on a private Redis.
  package var logins: [String: Login]?
  package var redisLogin: Login?
  package var log: Log?
  /// In the order of their start.
  package var parts: [Part] = []

  package func part(_ part: LabPart) -> Part? { parts.first { $0.part == part } }
  package var running: [Part] { parts.filter(\.process.isRunning) }

  mutating func change(_ part: LabPart, _ change: (inout Part) -> Void) {
    if let index = parts.firstIndex(where: { $0.part == part }) { change(&parts[index]) }
  }

  // MARK: - Names on the servers

  package func schema(of architecture: Architecture) -> String {
    database?.isPrivate ?? true ? architecture.rawValue : "\(architecture.rawValue)_\(id)"
  }

  package var keyPrefix: String { redis?.isPrivate ?? true ? "" : "lab\(id):" }

  package var topic: String { log?.kind == .named ? "\(Names.topic)-\(id)" : Names.topic }

  // MARK: - The file

  /// Nil where the folder holds no laboratory. An unreadable file is reported, and the state before its last change is used.
  ///
  /// - Parameter isEvidence: what is read must be what was written: an unreadable file is a failure.
  package static func read(_ folder: LabFolder, isEvidence: Bool = false) throws -> LabState? {
    guard FileManager.default.fileExists(atPath: folder.stateFile) else { return nil }
    if let state = decode(folder.stateFile) { return state }
    if isEvidence {
      throw LabFailure(
        "\(folder.stateFile) cannot be read, so nothing was verified; lab.json.old has what it held before")
    }
    guard let former = decode(folder.formerStateFile) else {
      throw LabFailure(
        "\(folder.stateFile) cannot be read: end what still runs of it, remove the file, then run lab reset")
    }
    Terminal.error(
      "\(folder.stateFile) cannot be read; what it held before its last change is used instead (lab.json.old)"
    )
    return former
  }

  private static func decode(_ path: String) -> LabState? {
    let data = FileManager.default.contents(atPath: path)
    let state = data.flatMap { try? JSONDecoder().decode(LabState.self, from: $0) }
    return state?.version == 1 ? state : nil
  }

  static func make() -> LabState {
    LabState(id: String(randomSecret().prefix(8)), couponKey: randomSecret(), adminToken: randomSecret())
  }

  func write(_ folder: LabFolder) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    keepFormer(folder)
    try ServerFiles.writeSecret(try encoder.encode(self) + Data("\n".utf8), to: folder.stateFile)
  }

  /// The file as it is becomes the former one; one that cannot be read does not take its place.
  private func keepFormer(_ folder: LabFolder) {
    guard LabState.decode(folder.stateFile) != nil else { return }
    let draft = folder.formerStateFile + ".new"
    _ = unlink(draft)
    // Another name for the same file, which the next one replaces as a whole.
    if link(folder.stateFile, draft) == 0 { _ = rename(draft, folder.formerStateFile) }
  }
}
