import Scenarios
import Secrets
package import EventLoop
import Foundation
package import History
import Kafka
package import Laboratory
import Postgres
import PrivateServers
import Redis

/// What the servers of a laboratory are, and what they were told.
@LoopActor
package enum ServerFacts {
  /// Versions by name; what does not answer is left out.
  package static func versions(_ state: LabState, _ architecture: Architecture) async -> [String: String] {
    var versions = libraries(architecture)
    if let pool = try? state.pool(of: architecture) {
      let rows = try? await pool.query(
        PostgresStatement("SHOW server_version"), [], deadline: .now + .seconds(5))
      versions["PostgreSQL"] = rows?.text(0, 0)
      await pool.close()
    }
    guard architecture == .eda else { return versions }
    versions["Redis"] = await redisVersion(state)
    versions["broker"] = state.log?.kind.rawValue
    if state.log?.kind == .installed { versions["Kafka"] = await PrivateKafka.version() }
    return versions
  }

  /// The C libraries that the architecture's programs are linked with, and `lab` as well.
  private static func libraries(_ architecture: Architecture) -> [String: String] {
    var versions = [
      "libpq": PostgresConfiguration.libraryVersion, "libuv": EventLoop.libraryVersion,
      "libsodium": Sodium.version, "libyaml": YAMLReader.libraryVersion,
    ]
    guard architecture == .eda else { return versions }
    versions["hiredis"] = RedisConfiguration.libraryVersion
    versions["librdkafka"] = KafkaConfiguration.libraryVersion
    return versions
  }

  private static func redisVersion(_ state: LabState) async -> String? {
    guard let server = state.redis, let configuration = try? server.redis() else {
      return nil
    }
    let client = RedisAccess(configuration: configuration, name: "lab")
    client.start()
    defer { client.close() }
    let deadline = Instant.now + .seconds(5)
    guard (try? await client.connected(deadline: deadline)) != nil,
      let text = try? await client.command(["INFO", "server"], deadline: deadline).text
    else { return nil }
    let line = text.split(whereSeparator: \.isNewline).first { $0.hasPrefix("redis_version:") }
    return line.map { String($0.dropFirst("redis_version:".count)) }
  }

  /// Every setting of each running program as it has it; no secrets.
  static func settings(_ state: LabState, _ options: UpOptions) -> [String: [String: String]] {
    var settings: [String: [String: String]] = [:]
    for part in state.parts.map(\.part) where part.isProgram {
      let environment = ProgramCommand.environment(of: part, state: state, options: options)
      settings[part.rawValue] = DeclaredSettings(of: part).effective(environment)
    }
    return settings
  }
}
