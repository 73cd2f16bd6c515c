import CouponStore
import EventLoop
import Foundation
import Kafka
import Postgres
import PrivateServers
import Redis
import History
import Terminal

extension Lab {
  /// Stops everything, then drops the laboratory's data: private servers with all they hold; on named servers its own
  /// schemas, keys and topic. The next laboratory in this folder has another name, so that nothing of this one meets it.
  ///
  /// - Throws: what could not be dropped; then the laboratory stays, so that it can be tried again.
  package func reset() async throws {
    let progress = PhaseProgress("lab reset")
    defer { progress.abandon() }
    await stopAll()
    try await dropSchemas()
    try await dropKeys()
    try await dropTopic()
    try PrivatePostgres.remove(in: folder.path)
    for name in [
      "history", "ready", "switches", "redis", "redis.conf", "kafka", "operator-token", "lab.json.old",
      "lab.json",
    ] {
      let path = "\(folder.path)/\(name)"
      if FileManager.default.fileExists(atPath: path) { try FileManager.default.removeItem(atPath: path) }
    }
    progress.end("done")
  }

  private func dropSchemas() async throws {
    guard state.database?.isPrivate == false else { return }
    for architecture in Architecture.allCases {
      let pool = try state.pool(of: architecture)
      defer { EventLoop.shared.spawn { await pool.close() } }
      // A name of our own making: letters, digits and underscores.
      let drop = PostgresStatement("DROP SCHEMA IF EXISTS \(state.schema(of: architecture)) CASCADE")
      do { _ = try await pool.query(drop, [], deadline: .now + .seconds(60)) } catch {
        throw LabFailure("the tables cannot be dropped: \(error)")
      }
    }
  }

  private func dropKeys() async throws {
    guard let server = state.redis, !server.isPrivate else { return }
    do { _ = try await removeKeys() } catch {
      throw LabFailure("the keys in Redis cannot be dropped: \(error)")
    }
  }

  /// Removes this laboratory's keys from Redis; returns how many there were.
  func removeKeys() async throws -> Int {
    guard let server = state.redis else { throw LabFailure("this laboratory has no Redis") }
    var removed = 0
    let client = RedisAccess(configuration: try server.redis(), name: "lab")
    client.start()
    defer { client.close() }
    let pattern = Names.issuedUsersPattern(prefix: state.keyPrefix)
    try await client.connected(deadline: .now + .seconds(10))
    for server in client.servers {
      try await server.scan({ ["SCAN", $0, "MATCH", pattern, "COUNT", "1000"] }) { keys in
        for key in keys {
          let reply = try await client.command(["UNLINK", key], deadline: .now + .seconds(30))
          removed += Int(reply.integer ?? 0)
        }
      }
    }
    return removed
  }

  private func dropTopic() async throws {
    guard let log = state.log, log.kind == .named else { return }
    do {
      let admin = try KafkaAdmin(configuration: log.client("lab"))
      defer { EventLoop.shared.spawn { await admin.close() } }
      try await admin.deleteTopic(state.topic, deadline: .now + .seconds(30))
    } catch { throw LabFailure("the topic \(state.topic) cannot be deleted: \(error)") }
  }
}
