import HTTP
import History
import EventLoop
import Laboratory
import PrivateServers
import Verify

extension Nemesis {
  /// A name moves, connections stay: the former primary is up and refuses every write.
  static let redisFailover = Nemesis(
    "N15", "Redis' name moves to another primary; the former one stays up as its replica", of: [.eda],
    seconds: 12
  ) { arena in
    guard let relay = arena.relays[.redis], let replica = arena.redisReplica else { return }
    try await arena.until(2)
    let connections = await arena.redisConnections()
    let from = arena.now
    try await replica.takeOver()
    relay.move(to: SocketAddress(numericHost: "127.0.0.1", port: replica.port))
    // Whoever leaves a server that refuses has another connection then.
    _ = try await arena.wait(5) { await arena.redisConnections() > connections }
    let moved = await arena.redisConnections() - connections
    try arena.lab.update { $0.redis?.url = replica.url }
    arena.blows.append(
      Blow(
        name: "Redis' name moved", target: .redis, architecture: .eda, isOutage: false, from: from,
        to: arena.now,
        count: .given(moved)))
  }.with {
    $0.needsFreshLaboratory = true
    $0.wire = { arena in
      guard let server = arena.lab.state.redis else { return [:] }
      let replica = try await RedisReplica.start(of: server.url, in: arena.lab.folder.path + "/replica")
      arena.redisReplica = replica
      arena.atEnd { await replica.stop() }
      return try arena.relay(.redis, "REDIS_URL", server.url)
    }
  }
}

extension Arena {
  /// Connections that the API has made to Redis by now.
  fileprivate func redisConnections() async -> Int {
    guard let api = lab.state.part(.edaAPI),
      let answer = try? await HTTPClient.ask(api.address, HTTPRequest(.get, "/metrics"), within: .seconds(3))
    else { return 0 }
    let lines = String(decoding: answer.body, as: UTF8.self).split(separator: "\n")
    let line = lines.first { $0.hasPrefix("redis_connects_total ") }
    return line?.split(separator: " ").last.flatMap { Double($0) }.map { Int($0) } ?? 0
  }
}
