import Secrets
import CouponStore
import EventLoop
import Foundation
import Kafka
import Postgres
import PrivateServers
import Redis

/// What the servers of a laboratory are, and what they were told.
@LoopActor
enum ServerFacts {
  /// Versions by name; what does not answer is left out.
  static func versions(_ state: LabState, _ architecture: Architecture) async -> [String: String] {
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
    guard let server = state.redis, let configuration = try? RedisConfiguration(url: server.url) else {
      return nil
    }
    let client = RedisClient(configuration: configuration, name: "lab")
    client.start()
    defer { client.close() }
    let deadline = Instant.now + .seconds(5)
    guard (try? await client.connected(deadline: deadline)) != nil,
      let text = try? await client.command(["INFO", "server"], deadline: deadline).text
    else { return nil }
    let line = text.split(whereSeparator: \.isNewline).first { $0.hasPrefix("redis_version:") }
    return line.map { String($0.dropFirst("redis_version:".count)) }
  }

  /// Every setting of each running program as it has it, by the program's own word about its defaults; no secrets.
  static func settings(_ state: LabState, _ options: UpOptions) async -> [String: [String: String]] {
    var settings: [String: [String: String]] = [:]
    for part in state.parts where part.part.isProgram {
      let command = ProgramCommand(part.part)
      let help = ChildProcess.Options(
        "\(options.programs ?? ProgramCommand.folder)/\(command.executable)", command.arguments + ["--help"],
        output: .capture(limit: 1 << 16))
      guard let (status, output) = try? await ChildProcess.run(help), status.isSuccess else { continue }
      let given = ProgramCommand.environment(of: part.part, state: state, options: options)
      settings[part.part.rawValue] = EffectiveSettings.read(
        help: String(decoding: output, as: UTF8.self), environment: given)
    }
    return settings
  }
}

/// What a program works with: what it was given, else the default that its `--help` tells.
package enum EffectiveSettings {
  /// A line of the help: `  HTTP_PORT  --http-port  (0…65535; 8081)`. Secrets are left out, and so are values that
  /// hold a password.
  package static func read(help: String, environment: [String: String]) -> [String: String] {
    var settings: [String: String] = [:]
    for line in help.split(separator: "\n") {
      let words = line.split(separator: " ", maxSplits: 2)
      guard line.hasPrefix("  "), words.count == 3, words[1].hasPrefix("--"), words[2].last == ")",
        words[0].allSatisfy({ $0.isUppercase || $0.isNumber || $0 == "_" })
      else { continue }
      let inside = words[2].dropFirst(words[2].first == " " ? 2 : 1).dropLast()
      guard let semicolon = inside.lastIndex(of: ";"), !inside.hasPrefix("secret") else { continue }
      let key = String(words[0])
      if ["URL", "TOKEN", "KEY"].contains(where: { key.hasSuffix("_" + $0) }) { continue }
      let standard = inside[inside.index(after: semicolon)...].drop { $0 == " " }
      settings[key] = environment[key].flatMap { $0.isEmpty ? nil : $0 } ?? String(standard)
    }
    return settings
  }
}
