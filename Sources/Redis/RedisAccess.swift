package import EventLoop

/// One server or a cluster, whichever the address leads to. Several addresses make it a cluster. So does a server that says
/// at the login that it is a node of one, or sends a call to another node, once a map of the slots has been read; that is for
/// good.
///
///     RedisClient ──"I am a node", MOVED, ASK──▶ RedisClient, and a RedisCluster asks for the map ──map──▶ RedisCluster
///          ▲                                          │
///          └──────no map, and the server serves───────┘
@LoopActor
package final class RedisAccess {
  package typealias Handler = RedisClient.Handler

  private let server: RedisClient
  private var cluster: RedisCluster?
  /// What may become `cluster`: it has no map yet.
  private var candidate: RedisCluster?
  private let makeCluster: @LoopActor () -> RedisCluster

  /// Called when transactions are no longer carried out, again for each further reason, and with nil when they are again.
  package var onTrouble: (@LoopActor (RedisTrouble?) -> Void)?

  /// The parameters of `RedisClient`; in a `trial` the second word of each command is a key with braces.
  package init(
    configuration: RedisConfiguration, name: String, maxPending: Int = 65_536, seam: (any CallSeam)? = nil,
    trial: [[String]] = []
  ) {
    server = RedisClient(
      configuration: configuration, name: name, maxPending: maxPending, seam: seam, trial: trial)
    makeCluster = {
      RedisCluster(configuration: configuration, name: name, maxPending: maxPending, seam: seam, trial: trial)
    }
    if configuration.addresses.count > 1 { cluster = observed(makeCluster()) }
    server.onTrouble = { [weak self] trouble in
      guard let self, cluster == nil else { return }
      // Not in the midst of what the client is doing.
      if trouble?.kind == .node { return EventLoop.shared.atNextTurn { self.tryCluster() } }
      onTrouble?(trouble)
    }
  }

  private func observed(_ cluster: RedisCluster) -> RedisCluster {
    cluster.onTrouble = { [weak self, weak cluster] trouble in
      guard let self, let cluster else { return }
      if self.cluster === cluster || server.trouble?.kind == .node { onTrouble?(trouble) }
    }
    return cluster
  }

  /// How long a cluster without a map is kept beside a server that serves.
  private static let candidacy = Duration.seconds(5)
  private static let drainInterval = Duration.milliseconds(50)

  private func tryCluster() {
    guard cluster == nil, candidate == nil, !isClosed else { return }
    let cluster = observed(makeCluster())
    candidate = cluster
    cluster.onMap = { [weak self, weak cluster] in
      if let self, let cluster { become(cluster) }
    }
    cluster.start()
    planReview()
  }

  /// What a passing word has led to must not go on asking for ever.
  private func planReview() {
    EventLoop.shared.schedule(after: Self.candidacy) { [weak self] in
      guard let self, candidate != nil else { return }
      guard server.trouble?.kind != .node else { return planReview() }
      candidate?.close()
      candidate = nil
    }
  }

  private func become(_ cluster: RedisCluster) {
    guard self.cluster == nil, !isClosed else { return }
    (self.cluster, candidate) = (cluster, nil)
    closeServer(by: .now + Self.candidacy)
  }

  /// What was sent to the server alone keeps its answers.
  private func closeServer(by deadline: Instant) {
    guard server.statistics.inFlight > 0, .now < deadline else { return server.close() }
    EventLoop.shared.schedule(after: Self.drainInterval) { [weak self] in self?.closeServer(by: deadline) }
  }

  private var isClosed = false

  package func start() {
    if let cluster { cluster.start() } else { server.start() }
  }

  /// Ends the connections; the outcome of what is in flight is unknown.
  package func close() {
    isClosed = true
    server.close()
    cluster?.close()
    candidate?.close()
    candidate = nil
  }

  package var isConnected: Bool { cluster?.isConnected ?? server.isConnected }

  /// Why transactions are not carried out now, or not for every key; nil while they are.
  package var trouble: RedisTrouble? {
    if let cluster { return cluster.trouble }
    if server.trouble?.kind == .node {
      // Just about to become one.
      return candidate.map(\.trouble) ?? RedisTrouble(.unreachable, "not connected yet")
    }
    return server.trouble
  }

  /// With those of the server before it was a cluster: a WATCH was said on one of those connections.
  package var statistics: RedisStatistics {
    var sum = server.statistics
    if let cluster { sum.add(cluster.statistics) }
    return sum
  }

  /// The server, or a cluster's masters: for what each of them has to be asked.
  package var servers: [RedisClient] { cluster?.masters ?? [server] }

  /// Waits for a connection, to a cluster: to all of its masters. - Throws: `RedisError.unavailable`, which says why there
  /// was none until the deadline.
  package func connected(deadline: Instant) async throws {
    if cluster == nil {
      do { return try await server.connected(deadline: deadline) } catch {
        // What keeps it from becoming a cluster says more.
        guard cluster != nil else {
          throw candidate?.trouble.map { RedisError.unavailable($0.reason) } ?? error
        }
      }
    }
    try await cluster?.connected(deadline: deadline)
  }

  /// MULTI, the commands, EXEC. `completion` is called once.
  package func transaction(
    deadline: Instant, write: (inout RedisWriter) -> Void, completion: @escaping Handler
  ) {
    if let cluster { return cluster.transaction(deadline: deadline, write: write, completion: completion) }
    server.transaction(deadline: deadline, write: write, completion: completion)
  }

  /// One command. `completion` is called once.
  package func command(
    deadline: Instant, write: (inout RedisWriter) -> Void, completion: @escaping Handler
  ) {
    if let cluster { return cluster.command(deadline: deadline, write: write, completion: completion) }
    server.command(deadline: deadline, write: write, completion: completion)
  }

  /// One command. - Throws: `RedisError`.
  package func command(_ arguments: [String], deadline: Instant) async throws -> RedisReply {
    try await commands([arguments], deadline: deadline)[0]
  }

  /// MULTI, the commands, EXEC; the replies that EXEC gave, none of them an error. - Throws: `RedisError`.
  package func transaction(_ commands: [[String]], deadline: Instant) async throws -> [RedisReply] {
    let answer = Completion<[RedisReply]>()
    transaction(
      deadline: deadline, write: { for command in commands { $0.command(command) } },
      completion: { answer.resolve($0) })
    return try await answer.value()
  }

  /// Several commands in one write, each on its own; in a cluster they share a slot, and may be said twice. - Throws:
  /// `RedisError`, the first one.
  package func commands(_ commands: [[String]], deadline: Instant) async throws -> [RedisReply] {
    if let cluster { return try await cluster.commands(commands, deadline: deadline) }
    return try await server.commands(commands, deadline: deadline)
  }
}
