import EventLoop
import PrivateServers
import Redis
import Terminal

/// A second Redis that copies the laboratory's, and can take its place.
@LoopActor
final class RedisReplica {
  private let server: PrivateRedis
  private let primary: RedisConfiguration
  /// Connected before it became a replica, which would be left as one that refuses.
  private let client: RedisClient
  /// With the primary's password, so that whoever is moved to it is let in.
  let url: String

  var port: Int { server.port }

  private static let patience = Duration.seconds(15)

  /// Starts it and waits until it holds what the primary holds.
  ///
  /// - Parameter url: of the primary.
  static func start(of url: String, in folder: String) async throws -> RedisReplica {
    let replica = try RedisReplica(
      try await PrivateRedis.start(in: folder), try RedisConfiguration(url: url))
    try await replica.follow()
    return replica
  }

  private init(_ server: PrivateRedis, _ primary: RedisConfiguration) throws {
    (self.server, self.primary) = (server, primary)
    let own = try RedisConfiguration(url: server.url)
    url = server.url.replacing(":\(own.password ?? "")@", with: ":\(primary.password ?? "")@")
    client = RedisClient(configuration: own, name: "lab")
    client.start()
  }

  private func follow() async throws {
    let password = primary.password ?? ""
    try await client.connected(deadline: .now + RedisReplica.patience)
    try await tell(client, ["CONFIG", "SET", "masterauth", password])
    try await tell(client, ["CONFIG", "SET", "requirepass", password])
    try await copyUsers()
    try await tell(client, ["REPLICAOF", "127.0.0.1", "\(primary.port)"])
    let deadline = Instant.now + RedisReplica.patience
    while try await !(tell(client, ["INFO", "replication"]).text ?? "").contains("master_link_status:up") {
      guard Instant.now < deadline else { throw LabFailure("the second Redis does not follow the first") }
      await EventLoop.shared.sleep(for: .milliseconds(50))
    }
  }

  /// An access control list is not replicated.
  private func copyUsers() async throws {
    let first = RedisClient(configuration: primary, name: "lab")
    first.start()
    defer { first.close() }
    try await first.connected(deadline: .now + RedisReplica.patience)
    guard case .array(let lines) = try await tell(first, ["ACL", "LIST"]) else {
      throw LabFailure("the second Redis cannot be given the first one's users")
    }
    for line in lines {
      let words = (line.text ?? "").split(separator: " ").map(String.init)
      guard words.count > 2, words[1] != "default" else { continue }
      try await tell(client, ["ACL", "SETUSER"] + words.dropFirst())
    }
  }

  /// It decides from here on, and the former primary stays up and copies it.
  func takeOver() async throws {
    let former = RedisClient(configuration: primary, name: "lab")
    former.start()
    defer { former.close() }
    try await former.connected(deadline: .now + RedisReplica.patience)
    try await tell(client, ["REPLICAOF", "NO", "ONE"])
    try await tell(former, ["CONFIG", "SET", "masterauth", primary.password ?? ""])
    try await tell(former, ["REPLICAOF", "127.0.0.1", "\(port)"])
  }

  func stop() async {
    client.close()
    await server.stop()
  }

  @discardableResult
  private func tell(_ client: RedisClient, _ command: [String]) async throws -> RedisReply {
    let reply = try await client.command(command, deadline: .now + RedisReplica.patience)
    if let error = reply.errorMessage { throw LabFailure("Redis refuses \(command[0]): \(error)") }
    return reply
  }
}
