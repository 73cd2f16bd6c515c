package import EventLoop
package import Operations

/// What the pools of one program know together: which server is the right one, how many connections it gives, and what
/// is wrong with it.
///
///     a pool gets no connection ──▶ an idle one of another pool, else the next one that a pool gives back
///     a server that only reads  ──▶ no pool uses its connections again
@LoopActor
package final class PoolGroup {
  /// The index of the server that took the last login.
  var server = 0
  /// A pooler stands before the server, and gives each connection a session of its own.
  var sessionsAreOwn = false
  /// Grows when all existing connections lead to the wrong server.
  private(set) var generation = 0

  private struct Member { weak var pool: PostgresPool? }
  private var members: [Member] = []
  /// The pools without any connection whose callers wait, the longest first.
  private var hungry: [PostgresPool] = []
  private var leftAt: Instant?
  private let trouble: TroubleLog?
  private var failing: Set<ObjectIdentifier> = []
  let refusals: RefusalLog

  /// - Parameter log: is told once what the server refuses, and when that is over.
  package init(log: Log? = nil) {
    trouble = log.map { TroubleLog($0) }
    refusals = RefusalLog(log)
  }

  func join(_ pool: PostgresPool) {
    members.removeAll { $0.pool == nil }
    members.append(Member(pool: pool))
  }

  func leave(_ pool: PostgresPool) {
    members.removeAll { $0.pool == nil || $0.pool === pool }
    hungry.removeAll { $0 === pool }
    recovered(pool)
  }

  // MARK: Sharing connections

  /// An idle connection of another pool.
  func borrow(for pool: PostgresPool) -> PostgresConnection? {
    for member in members {
      guard let other = member.pool, other !== pool, let connection = other.lendIdle() else { continue }
      return connection
    }
    return nil
  }

  /// Notes that `pool` waits for a connection of another one.
  ///
  /// - Returns: false if no other pool has any.
  func waits(_ pool: PostgresPool) -> Bool {
    guard members.contains(where: { $0.pool !== pool && $0.pool?.hasConnections == true }) else {
      return false
    }
    if !hungry.contains(where: { $0 === pool }) { hungry.append(pool) }
    return true
  }

  /// Gives a connection that `pool` has used to a pool without any.
  ///
  /// - Returns: false if there is none such.
  func pass(on connection: PostgresConnection, from pool: PostgresPool) -> Bool {
    guard !hungry.isEmpty else { return false }
    while !hungry.isEmpty {
      let next = hungry.removeFirst()
      if next !== pool, next.take(connection) { return true }
    }
    return false
  }

  /// A connection has gone: who waits for another pool's may have none to wait for.
  func lost() {
    guard !hungry.isEmpty else { return }
    let waiting = hungry
    hungry = []
    for pool in waiting { pool.serve() }
  }

  // MARK: The right server

  /// The server does not take writes: no pool uses its connections again. At most once a second, so that a server that is
  /// read-only by intention is not flooded with logins.
  func leaveServer() {
    if let leftAt, Instant.now - leftAt < .seconds(1) { return }
    leftAt = .now
    generation += 1
    server = 0
    for member in members { member.pool?.discardIdle() }
  }

  // MARK: Trouble

  func failed(_ pool: PostgresPool, _ reason: String) {
    failing.insert(ObjectIdentifier(pool))
    trouble?.note("the database takes no connection", reason)
  }

  func recovered(_ pool: PostgresPool) {
    guard !failing.isEmpty, failing.remove(ObjectIdentifier(pool)) != nil, failing.isEmpty else { return }
    trouble?.over()
  }
}
