package import EventLoop

/// One server or a cluster, whichever the address leads to. A server that says at the login that it is a node of a cluster,
/// or several addresses, make it a cluster; that is for good.
///
///     RedisClient ──"I am a node"──▶ RedisCluster
@LoopActor
package final class RedisAccess {
  package typealias Handler = RedisClient.Handler

  private let server: RedisClient
  private var cluster: RedisCluster?
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
      if trouble?.kind == .cluster { return EventLoop.shared.atNextTurn { self.becomeCluster() } }
      onTrouble?(trouble)
    }
  }

  private func observed(_ cluster: RedisCluster) -> RedisCluster {
    cluster.onTrouble = { [weak self] in self?.onTrouble?($0) }
    return cluster
  }

  private func becomeCluster() {
    guard cluster == nil, !isClosed else { return }
    let cluster = observed(makeCluster())
    self.cluster = cluster
    cluster.start()
    server.close()
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
  }

  package var isConnected: Bool { cluster?.isConnected ?? server.isConnected }

  /// Why transactions are not carried out now, or not for every key; nil while they are.
  package var trouble: RedisTrouble? {
    if let cluster { return cluster.trouble }
    // Just about to become one.
    if let trouble = server.trouble, trouble.kind == .cluster {
      return RedisTrouble(.unreachable, "not connected yet")
    }
    return server.trouble
  }

  package var statistics: RedisStatistics { cluster?.statistics ?? server.statistics }

  /// The server, or a cluster's masters: for what each of them has to be asked.
  package var servers: [RedisClient] { cluster?.masters ?? [server] }

  /// Waits for a connection, to a cluster: to all of its masters. - Throws: `RedisError.unavailable`, which says why there
  /// was none until the deadline.
  package func connected(deadline: Instant) async throws {
    if cluster == nil {
      do { return try await server.connected(deadline: deadline) } catch {
        if cluster == nil { throw error }
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
