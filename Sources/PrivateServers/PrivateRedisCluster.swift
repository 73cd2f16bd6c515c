package import EventLoop
internal import Foundation

/// A private Redis Cluster: masters, and replicas of them, each a `PrivateRedis` with the same password.
@LoopActor
package final class PrivateRedisCluster {
  package private(set) var nodes: [PrivateRedis] = []
  private let password: String

  /// What a node says of one of the cluster's nodes.
  package struct Member: Hashable, Sendable {
    package let id: String
    package let port: Int
    package let isMaster: Bool
    /// The others have given it up, or are about to.
    package let isFailing: Bool
    /// Of a replica: its master's.
    package let masterID: String?
    package let slots: [ClosedRange<Int>]
  }

  /// Names every node.
  package var url: String {
    "redis://:\(password)@\(nodes.map { "127.0.0.1:\($0.port)" }.joined(separator: ","))"
  }

  /// Names one node.
  package func url(of node: PrivateRedis) -> String { "redis://:\(password)@127.0.0.1:\(node.port)" }

  private init(password: String) { self.password = password }

  /// - Parameters:
  ///   - masters: at least three; the slots are divided evenly.
  ///   - replicas: of each master.
  ///   - nodeTimeout: how long a node may be silent before the others give it up.
  ///   - spare: further nodes that belong to no cluster yet.
  ///   - users: users of each node's access control list.
  /// - Throws: `ServerFailure`, `SpawnError`, `SocketError`.
  package static func start(
    in directory: String, masters: Int = 3, replicas: Int = 0, spare: Int = 0,
    nodeTimeout: Duration = .seconds(2), user: PrivateRedis.User? = nil, extra: [String] = [],
    onProcess: @escaping @LoopActor (RunningProcess, Bool) -> Void = { _, _ in }
  ) async throws -> PrivateRedisCluster {
    let cluster = PrivateRedisCluster(password: randomSecret())
    let settings =
      [
        "cluster-enabled yes", "cluster-node-timeout \(Int(nodeTimeout.milliseconds))",
        "masterauth \(cluster.password)",
        "repl-diskless-sync-delay 0",
      ] + extra
    for number in 0..<masters * (1 + replicas) + spare {
      let folder = "\(directory)/node-\(number)"
      try ServerFiles.makeFolder(folder)
      cluster.nodes.append(
        try await PrivateRedis.start(
          in: folder, user: user, extra: settings, password: cluster.password, onProcess: onProcess))
    }
    try await cluster.join(masters, replicas: replicas)
    return cluster
  }

  private func join(_ masters: Int, replicas: Int) async throws {
    let members = nodes.prefix(masters * (1 + replicas)).map { "127.0.0.1:\($0.port)" }
    _ = try await run(
      ["--cluster", "create"] + members + ["--cluster-replicas", String(replicas), "--cluster-yes"])
    for node in nodes.prefix(masters * (1 + replicas)) {
      try await settled("the nodes of a Redis cluster do not find or copy each other") {
        let known = try await self.members(as: node)
        let state = try await self.run(["CLUSTER", "INFO"], on: node)
        // A replica that has no copy yet would not take over.
        let role = try await self.run(["INFO", "replication"], on: node)
        return state.contains("cluster_state:ok") && !role.contains("master_link_status:down")
          && known.count { $0.isMaster } == masters
          && known.count == members.count
      }
    }
  }

  package func stop() async { for node in nodes { await node.stop() } }
  package func kill() async { for node in nodes { await node.kill() } }

  package func node(_ port: Int) -> PrivateRedis? { nodes.first { $0.port == port } }

  // MARK: - What an operator does

  /// The output of redis-cli, which sends this to a node.
  @discardableResult
  package func run(_ arguments: [String], on node: PrivateRedis? = nil) async throws -> String {
    guard let tool = Binaries.find("redis-cli") else {
      throw ServerFailure("redis-cli was not found; `make setup` installs it")
    }
    let target = node.map { ["-p", String($0.port)] } ?? []
    var environment = ["LC_ALL": "C", "REDISCLI_AUTH": password]
    environment["PATH"] = ProcessInfo.processInfo.environment["PATH"]
    let (status, output) = try await ChildProcess.run(
      ChildProcess.Options(
        tool, target + arguments, environment: environment, output: .capture(limit: 1 << 20)))
    let text = String(decoding: output, as: UTF8.self)
    guard status.isSuccess, !text.hasPrefix("ERR") else {
      throw ServerFailure(
        "redis-cli \(arguments.prefix(2).joined(separator: " ")): \(ServerFiles.lastLine(of: text))")
    }
    return text
  }

  /// The cluster as one node sees it.
  package func members(as node: PrivateRedis) async throws -> [Member] {
    try await run(["CLUSTER", "NODES"], on: node).split(separator: "\n").compactMap { line in
      let words = line.split(separator: " ")
      guard words.count >= 8, let host = words[1].split(separator: "@").first,
        let port = host.split(separator: ":").last.flatMap({ Int($0) })
      else { return nil }
      let flags = words[2].split(separator: ",")
      let slots = words.dropFirst(8).filter { !$0.hasPrefix("[") }.compactMap { range in
        let ends = range.split(separator: "-").compactMap { Int($0) }
        return ends.isEmpty ? nil : ends[0]...(ends.last ?? ends[0])
      }
      return Member(
        id: String(words[0]), port: port, isMaster: flags.contains("master"),
        isFailing: flags.contains { $0.hasPrefix("fail") },
        masterID: words[3] == "-" ? nil : String(words[3]),
        slots: slots)
    }
  }

  /// The master of a slot, as another node sees it.
  package func master(of slot: Int, as node: PrivateRedis? = nil) async throws -> PrivateRedis {
    guard let witness = node ?? nodes.first(where: \.isRunning) else { throw ServerFailure("no node runs") }
    let member = try await members(as: witness)
      .first { $0.isMaster && !$0.isFailing && $0.slots.contains { $0.contains(slot) } }
    guard let found = member.flatMap({ self.node($0.port) }) else {
      throw ServerFailure("slot \(slot) has no master")
    }
    return found
  }

  /// Lets a spare node join, without slots.
  package func add(_ node: PrivateRedis) async throws {
    guard let member = nodes.first(where: { $0 !== node && $0.isRunning }) else { return }
    try await run(["CLUSTER", "MEET", "127.0.0.1", String(member.port)], on: node)
    for other in nodes where other.isRunning {
      try await settled("a node does not join the Redis cluster") {
        let members = try await self.members(as: other)
        return members.contains { $0.port == node.port } && members.count > 1
      }
    }
    try await settled("a new node does not see the Redis cluster whole") {
      try await self.run(["CLUSTER", "INFO"], on: node).contains("cluster_state:ok")
    }
  }

  /// Moves a slot with its keys to another master, as `redis-cli --cluster reshard` does.
  ///
  /// - Parameters:
  ///   - betweenKeys: called before the first key moves and after each: the slot is in two places meanwhile.
  package func move(
    slot: Int, to target: PrivateRedis, betweenKeys: @LoopActor () async throws -> Void = {}
  ) async throws {
    let source = try await master(of: slot)
    let known = try await members(as: source)
    guard let from = id(of: source, known), let to = id(of: target, known) else {
      throw ServerFailure("the nodes do not know each other")
    }
    try await run(["CLUSTER", "SETSLOT", String(slot), "IMPORTING", from], on: target)
    try await run(["CLUSTER", "SETSLOT", String(slot), "MIGRATING", to], on: source)
    try await betweenKeys()
    while true {
      let keys = try await run(["CLUSTER", "GETKEYSINSLOT", String(slot), "1"], on: source)
        .split(separator: "\n").map(String.init)
      guard let key = keys.first, !key.isEmpty else { break }
      try await run(
        ["MIGRATE", "127.0.0.1", String(target.port), "", "0", "5000", "AUTH", password, "KEYS", key],
        on: source)
      try await betweenKeys()
    }
    for node in [target, source] + nodes.filter({ $0 !== source && $0 !== target && $0.isRunning }) {
      // A replica does not take the command: its master tells it.
      _ = try? await run(["CLUSTER", "SETSLOT", String(slot), "NODE", to], on: node)
    }
  }

  private func id(of node: PrivateRedis, _ members: [Member]) -> String? {
    members.first { $0.port == node.port }?.id
  }

  private func settled(_ complaint: String, _ look: @LoopActor () async throws -> Bool) async throws {
    let deadline = Instant.now + .seconds(30)
    while try await !look() {
      guard Instant.now < deadline else { throw ServerFailure(complaint) }
      await EventLoop.shared.sleep(for: .milliseconds(50))
    }
  }
}
