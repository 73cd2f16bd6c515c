package import EventLoop

/// A bounded number of connections to one database, and a bounded queue of callers that wait for one.
///
/// Connections are opened when a caller waits for one, and kept while they are used. One that breaks is dropped, and one
/// that has been idle for some seconds must answer before a caller gets it. While none can be opened, callers get what
/// other pools of the group can do without, or fail at once; after a pause that doubles, the next caller triggers one
/// attempt.
@LoopActor
package final class PostgresPool {
  package let name: String
  private let configuration: PostgresConfiguration
  private let size: Int
  private let maxWaiting: Int
  private let sessionSettings: [String: String]
  /// The least time that a caller needs between getting a connection and its deadline.
  package let reserve: Duration
  private let connectTimeout: Duration
  private let seam: (any CallSeam)?
  private let freshness: Duration
  private let group: PoolGroup
  /// Called with the state of every refusal.
  package var onRefusal: (@LoopActor (_ sqlState: String) -> Void)?

  private var idle: [PostgresConnection] = []
  private var inUse = 0
  private var opening = 0
  private let waiting: WaitingLine
  private var backoff = Backoff()
  /// A connection that is being opened takes long.
  private var isSlow = false
  private var isClosed = false
  private var sweep: LoopTimer?
  private var drained: Completion<Void>?
  private var opened = 0
  private var answered = 0
  private var discarded = 0

  /// - Parameters:
  ///   - size: the most connections at a time.
  ///   - maxWaiting: the most callers that wait while all connections are in use; the next one fails with `poolFull`.
  ///   - sessionSettings: the server's settings for each connection, as in `["lock_timeout": "1500"]`.
  ///   - name: the connections' `application_name`.
  ///   - reserve: the least time that a caller needs between getting a connection and its deadline. A caller that has
  ///     waited longer fails with `deadline` at once, instead of being cut off in the middle of COMMIT.
  ///   - freshness: how long a connection may be idle before it must answer once more.
  ///   - group: the program's pools, all with the same session settings; nil: a pool by itself.
  package init(
    configuration: PostgresConfiguration, size: Int, maxWaiting: Int, sessionSettings: [String: String] = [:],
    name: String, reserve: Duration = .zero, connectTimeout: Duration = .seconds(2),
    freshness: Duration = PostgresPool.freshness, seam: (any CallSeam)? = nil, group: PoolGroup? = nil
  ) {
    precondition(size > 0 && maxWaiting >= 0 && reserve >= .zero)
    (self.configuration, self.size, self.maxWaiting) = (configuration, size, maxWaiting)
    (self.sessionSettings, self.name) = (sessionSettings, name)
    (self.reserve, self.connectTimeout, self.seam) = (reserve, connectTimeout, seam)
    self.freshness = freshness
    self.group = group ?? PoolGroup()
    waiting = WaitingLine(places: 2 * (maxWaiting + size))
    self.group.join(self)
  }

  package nonisolated static let freshness = Duration.seconds(3)
  private static let checkTimeout = Duration.milliseconds(250)
  /// How long a connection may take to open before callers get one of another pool's: a pooler takes the login and lets it
  /// wait for a place on the server.
  private static let borrowsAfter = Duration.milliseconds(250)
  /// How long an unused connection is kept: others may need its place on the server.
  private static let maximumIdle = Duration.seconds(20)

  package var statistics: PostgresPoolStatistics {
    PostgresPoolStatistics(
      size: size, inUse: inUse, idle: idle.count, waiting: waiting.count, opened: opened, answered: answered,
      discarded: discarded)
  }

  /// Runs one statement as a single transaction.
  ///
  /// - Throws: `commitUnknown` only for a statement that writes.
  package func query(
    _ statement: PostgresStatement, _ values: [PostgresValue] = [], deadline: Instant
  ) async throws(PostgresError) -> PostgresRows {
    let connection = try await acquire(deadline: deadline)
    defer { release(connection) }
    do {
      let command = PostgresCommand(statement: statement, values: values)
      let rows = try await connection.roundTrip([command], deadline: deadline)[0]
      if !group.refusals.isEmpty { group.refusals.taken(statement.sql, of: name) }
      return rows
    } catch {
      let error = error.error(mayHaveCommitted: !statement.readsOnly)
      note(error, statement.sql)
      throw error
    }
  }

  /// Runs `body` on a connection that no other caller uses. BEGIN is sent with its first statements; without
  /// `finish` the transaction is rolled back.
  package func transaction<T>(
    deadline: Instant, _ body: @LoopActor (PostgresTransaction) async throws -> T
  ) async throws -> T {
    let connection = try await acquire(deadline: deadline)
    let transaction = PostgresTransaction(connection, deadline: deadline)
    defer {
      transaction.end()
      rollBackAndRelease(connection)
    }
    do {
      let value = try await body(transaction)
      if transaction.isCommitted, !group.refusals.isEmpty { group.refusals.taken(name, of: name) }
      return value
    } catch {
      if let error = error as? PostgresError { note(error, name) }
      throw error
    }
  }

  private func note(_ error: PostgresError, _ call: String) {
    guard case .server(let sqlState, let message) = error else { return }
    onRefusal?(sqlState)
    group.refusals.refused(call, of: name, sqlState: sqlState, message: message)
  }

  /// The server has been found to take no writes: no pool of the group uses its connections again, and new ones are opened
  /// where `DATABASE_URL` leads by now.
  package func leaveServer() { group.leaveServer() }

  /// Accepts no more calls, fails those that wait, and returns when the calls under way have ended (each has
  /// a deadline).
  package func close() async {
    isClosed = true
    waiting.failAll(.unavailable("the pool is closed"))
    sweep?.cancel()
    discardIdle()
    group.leave(self)
    group.lost()
    guard inUse > 0 else { return }
    let drained = self.drained ?? Completion<Void>()
    self.drained = drained
    try? await drained.value()
  }

  // MARK: Connections

  private func acquire(deadline: Instant) async throws(PostgresError) -> PostgresConnection {
    guard !isClosed else { throw .unavailable("the pool is closed") }
    if waiting.count == 0, let connection = popIdle() {
      if isFresh(connection) {
        inUse += 1
        return connection
      }
      check(connection)
    }
    // A caller for whom a connection can still be opened does not count as waiting.
    guard waiting.count < maxWaiting + max(0, size - inUse) else { throw .poolFull }
    return try await withUnsafeContinuation { continuation in
      waiting.append(deadline: deadline + (.zero - reserve), continuation)
      serve()
    }.get()
  }

  private func release(_ connection: PostgresConnection) {
    inUse -= 1
    if connection.fitness == .wrongServer { group.leaveServer() }
    if isClosed || !isUsable(connection) {
      discard(connection)
      group.lost()
    } else {
      answered += 1
      connection.idleSince = .now
      if !group.pass(on: connection, from: self) { keep(connection) }
    }
    if inUse == 0 { drained?.succeed(()) }
    serve()
  }

  private func isUsable(_ connection: PostgresConnection) -> Bool {
    connection.isReusable && connection.generation == group.generation
  }

  private func isFresh(_ connection: PostgresConnection) -> Bool {
    Instant.now - connection.idleSince < freshness
  }

  private func keep(_ connection: PostgresConnection) {
    connection.onLost = { [weak self, weak connection] in
      guard let self, let connection else { return }
      idle.removeAll { $0 === connection }
      discarded += 1
      group.lost()
    }
    idle.append(connection)
    if sweep?.isPending != true { sweepLater() }
  }

  /// Closes what has not been used for long; the oldest come first.
  private func sweepLater() {
    sweep = EventLoop.shared.schedule(after: Self.maximumIdle / 4) { [weak self] in
      guard let self, !isClosed else { return }
      while let first = idle.first, Instant.now - first.idleSince >= Self.maximumIdle {
        idle.removeFirst()
        discard(first)
      }
      if !idle.isEmpty { sweepLater() }
    }
  }

  private func rollBackAndRelease(_ connection: PostgresConnection) {
    guard connection.isOpen, connection.fitness == .good, !connection.isReusable else {
      return release(connection)
    }
    // No caller waits for this; if it fails, the connection is closed, which rolls back as well.
    EventLoop.shared.spawn { [self] in
      let command = PostgresCommand(statement: .rollback, values: [])
      _ = try? await connection.roundTrip([command], deadline: .now + .seconds(1))
      release(connection)
    }
  }

  private func popIdle() -> PostgresConnection? {
    while let connection = idle.popLast() {
      connection.onLost = nil
      if isUsable(connection) { return connection }
      discard(connection)
    }
    return nil
  }

  /// Asks a connection that was idle for long for an answer: its peer may be gone without a word. It counts as one that
  /// is being opened.
  private func check(_ connection: PostgresConnection) {
    opening += 1
    EventLoop.shared.spawn { [self] in
      let answers = await connection.answers(before: .now + Self.checkTimeout)
      opening -= 1
      if answers {
        inUse += 1
        // Given at once: by the time that a queue is looked at it might have to be asked again.
        if waiting.count > 0, !isClosed, isUsable(connection) { return waiting.hand(connection) }
        release(connection)
      } else {
        discarded += 1
        // What has taken this one without a word has taken the others that were idle as long, and to ask them one after
        // the other takes a caller's whole time.
        let fresh = idle.filter { isFresh($0) }
        let doubtful = idle.filter { one in !fresh.contains { $0 === one } }
        idle = fresh
        for connection in doubtful { discard(connection) }
        serve()
        group.lost()
      }
    }
  }

  /// Gives a free connection to the first waiting caller, if it is known to be good.
  private func hand(_ connection: PostgresConnection) {
    guard isFresh(connection) else { return check(connection) }
    inUse += 1
    waiting.hand(connection)
  }

  private func discard(_ connection: PostgresConnection) {
    connection.onLost = nil
    connection.close()
    discarded += 1
  }

  /// Hands free connections to waiting callers and opens missing ones.
  func serve() {
    while waiting.count > 0, let last = idle.last, isFresh(last) || waiting.count > opening,
      let connection = popIdle()
    { hand(connection) }
    while opening < waiting.count, inUse + opening < size, backoff.mayTry(opening: opening) { open() }
    guard inUse == 0, waiting.count > 0, isSlow || backoff.reason != nil else { return }
    if !borrow(), opening == 0, let reason = backoff.reason { waiting.failAll(.unavailable(reason)) }
  }

  /// Gets a caller a connection of another pool, now or when that can do without one.
  ///
  /// - Returns: false if no caller needs one, or no other pool has any.
  private func borrow() -> Bool {
    guard inUse == 0, waiting.count > 0 else { return false }
    guard let lent = group.borrow(for: self) else { return group.waits(self) }
    hand(lent)
    return true
  }

  private func open() {
    opening += 1
    let slow = EventLoop.shared.schedule(after: Self.borrowsAfter) { [weak self] in
      self?.isSlow = true
      self?.serve()
    }
    EventLoop.shared.spawn { [self] in
      defer { slow.cancel() }
      do throws(TripFailure) {
        let connection = try await PostgresConnection.open(
          configuration, settings: sessionSettings, name: name, deadline: .now + connectTimeout, seam: seam,
          group: group)
        opening -= 1
        opened += 1
        isSlow = false
        backoff.succeeded()
        group.recovered(self)
        welcome(connection)
      } catch {
        opening -= 1
        isSlow = false
        backoff.failed(error.error(mayHaveCommitted: false))
        if !isClosed { group.failed(self, backoff.reason ?? "") }
        serve()
        group.lost()
      }
    }
  }
}

extension PostgresPool {
  /// A new connection: for a caller that waits, unless the pool has borrowed all that it may have meanwhile.
  private func welcome(_ connection: PostgresConnection) {
    if inUse + idle.count >= size {
      if isClosed || !isUsable(connection) || !group.pass(on: connection, from: self) {
        discard(connection)
        group.lost()
      }
      return serve()
    }
    inUse += 1
    if waiting.count > 0, !isClosed, isUsable(connection) {
      waiting.hand(connection)
    } else {
      release(connection)
    }
  }
}

// MARK: - The other pools of the group

extension PostgresPool {
  var hasConnections: Bool { inUse + opening + idle.count > 0 }

  /// An idle connection for another pool.
  func lendIdle() -> PostgresConnection? { waiting.count == 0 ? popIdle() : nil }

  /// Takes another pool's connection for a caller that waits.
  ///
  /// - Returns: false if no caller waits any more, or this pool has a connection again.
  func take(_ connection: PostgresConnection) -> Bool {
    guard !isClosed, waiting.count > 0, inUse + idle.count == 0 else { return false }
    hand(connection)
    return true
  }

  func discardIdle() {
    let all = idle
    idle = []
    for connection in all { discard(connection) }
  }
}

package struct PostgresPoolStatistics: Hashable, Sendable {
  package let size: Int
  package let inUse: Int
  package let idle: Int
  /// Callers without a connection.
  package let waiting: Int
  /// Since the start: connections opened, how often one came back intact after use, and connections closed.
  package let opened: Int
  package let answered: Int
  package let discarded: Int
}

/// When to try to connect again.
private struct Backoff {
  private(set) var reason: String?
  private var failures = 0
  private var retryAt = Instant.now

  /// Any number of connections may be opened at first; after a failure one at a time, and not before the
  /// pause is over.
  func mayTry(opening: Int) -> Bool { failures == 0 || (opening == 0 && Instant.now >= retryAt) }

  mutating func succeeded() { self = Backoff() }

  mutating func failed(_ error: PostgresError) {
    if case .unavailable(let text) = error { reason = text } else { reason = error.description }
    failures += 1
    retryAt = .now + .milliseconds(min(1_000, 25 << min(failures, 6)))
  }
}
