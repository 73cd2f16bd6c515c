package import EventLoop

/// A transaction on an exclusive connection, inside `PostgresPool.transaction`. Only `finish` commits it.
@LoopActor
package final class PostgresTransaction {
  private enum State {
    case notBegun
    case open
    case ended
  }

  private var state = State.notBegun
  /// COMMIT was answered with COMMIT.
  private(set) var isCommitted = false
  private let connection: PostgresConnection
  package private(set) var deadline: Instant

  init(_ connection: PostgresConnection, deadline: Instant) {
    (self.connection, self.deadline) = (connection, deadline)
  }

  /// Runs statements in one round trip; the first also carries BEGIN.
  ///
  /// - Throws: `unavailable`, `server` or `deadline`: nothing is committed.
  package func run(_ statements: [(PostgresStatement, [PostgresValue])]) async throws(PostgresError)
    -> [PostgresRows]
  {
    try await roundTrip(statements, commits: false)
  }

  /// Runs the last statements and COMMIT in one round trip.
  ///
  /// - Throws: also `commitUnknown`.
  package func finish(
    _ statements: [(PostgresStatement, [PostgresValue])] = []
  ) async throws(PostgresError) -> [PostgresRows] {
    var rows = try await roundTrip(statements, commits: true)
    // The server ends a failed transaction with ROLLBACK and reports success.
    guard rows.removeLast().commandTag == "COMMIT" else {
      throw .server(sqlState: "25P02", message: "the transaction had failed and was rolled back")
    }
    isCommitted = true
    return rows
  }

  private func roundTrip(
    _ statements: [(PostgresStatement, [PostgresValue])], commits: Bool
  ) async throws(PostgresError) -> [PostgresRows] {
    precondition(state != .ended, "the transaction has ended")
    let begins = state == .notBegun
    state = commits ? .ended : .open
    var commands: [PostgresCommand] = []
    commands.reserveCapacity(statements.count + 2)
    if begins { commands.append(PostgresCommand(statement: .begin, values: [])) }
    for (statement, values) in statements {
      commands.append(PostgresCommand(statement: statement, values: values))
    }
    if commits { commands.append(PostgresCommand(statement: .commit, values: [])) }
    do {
      let rows = try await connection.roundTrip(commands, deadline: deadline)
      return begins ? Array(rows.dropFirst()) : rows
    } catch {
      throw error.error(mayHaveCommitted: commits)
    }
  }

  /// A transaction of several callers ends with the last of their deadlines; an earlier one changes nothing.
  package func extend(to deadline: Instant) { self.deadline = max(self.deadline, deadline) }

  /// After `finish`: the next statements begin another transaction on the same connection. For callers that must retry
  /// and would reach their deadline at the end of the pool's queue.
  package func beginAgain() {
    precondition(state == .ended, "the transaction has not ended")
    state = .notBegun
  }

  /// The body has returned: no more statements are accepted.
  func end() { state = .ended }
}
