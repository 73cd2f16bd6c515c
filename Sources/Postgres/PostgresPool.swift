package import EventLoop

/// A bounded number of connections to one database, and a bounded queue of callers that wait for one.
///
/// Connections are opened when a caller waits for one, and kept. One that breaks is dropped. While none can be opened,
/// callers fail at once; after a pause that doubles, the next caller triggers one attempt.
@LoopActor
package final class PostgresPool {
  private let name: String
  private let configuration: PostgresConfiguration
  private let size: Int
  private let maxWaiting: Int
  private let sessionSettings: [String: String]
  private let reserve: Duration
  private let connectTimeout: Duration
  private let seam: (any CallSeam)?

  private var idle: [PostgresConnection] = []
  private var inUse = 0
  private var opening = 0
  private let waiting: WaitingLine
  private var backoff = Backoff()
  private var isClosed = false
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
  package init(
    configuration: PostgresConfiguration, size: Int, maxWaiting: Int, sessionSettings: [String: String] = [:],
    name: String, reserve: Duration = .zero, connectTimeout: Duration = .seconds(2),
    seam: (any CallSeam)? = nil
  ) {
    precondition(size > 0 && maxWaiting >= 0 && reserve >= .zero)
    (self.configuration, self.size, self.maxWaiting) = (configuration, size, maxWaiting)
    (self.sessionSettings, self.name) = (sessionSettings, name)
    (self.reserve, self.connectTimeout, self.seam) = (reserve, connectTimeout, seam)
    waiting = WaitingLine(places: 2 * (maxWaiting + size))
  }

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
      return try await connection.roundTrip([command], deadline: deadline)[0]
    } catch {
      throw error.error(mayHaveCommitted: !statement.readsOnly)
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
    return try await body(transaction)
  }

  /// Accepts no more calls, fails those that wait, and returns when the calls under way have ended (each has
  /// a deadline).
  package func close() async {
    isClosed = true
    waiting.failAll(.unavailable("the pool is closed"))
    for connection in idle { discard(connection) }
    idle = []
    guard inUse > 0 else { return }
    let drained = self.drained ?? Completion<Void>()
    self.drained = drained
    try? await drained.value()
  }

  // MARK: Connections

  private func acquire(deadline: Instant) async throws(PostgresError) -> PostgresConnection {
    guard !isClosed else { throw .unavailable("the pool is closed") }
    if waiting.count == 0, let connection = popIdle() {
      inUse += 1
      return connection
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
    if isClosed || !connection.isReusable {
      discard(connection)
    } else {
      connection.onLost = { [weak self, weak connection] in
        guard let self, let connection else { return }
        idle.removeAll { $0 === connection }
        discarded += 1
      }
      idle.append(connection)
      answered += 1
    }
    if inUse == 0 { drained?.succeed(()) }
    serve()
  }

  private func rollBackAndRelease(_ connection: PostgresConnection) {
    guard connection.isOpen, !connection.isReusable else { return release(connection) }
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
      if connection.isReusable { return connection }
      discard(connection)
    }
    return nil
  }

  private func discard(_ connection: PostgresConnection) {
    connection.onLost = nil
    connection.close()
    discarded += 1
  }

  /// Hands free connections to waiting callers and opens missing ones.
  private func serve() {
    while waiting.count > 0, let connection = popIdle() {
      inUse += 1
      waiting.hand(connection)
    }
    while opening < waiting.count, inUse + opening < size, backoff.mayTry(opening: opening) { open() }
    if inUse + opening == 0, let reason = backoff.reason { waiting.failAll(.unavailable(reason)) }
  }

  private func open() {
    opening += 1
    EventLoop.shared.spawn { [self] in
      do throws(TripFailure) {
        let connection = try await PostgresConnection.open(
          configuration, settings: sessionSettings, name: name, deadline: .now + connectTimeout, seam: seam)
        opening -= 1
        opened += 1
        backoff.succeeded()
        inUse += 1
        release(connection)
      } catch {
        opening -= 1
        backoff.failed(error.error(mayHaveCommitted: false))
        serve()
      }
    }
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
