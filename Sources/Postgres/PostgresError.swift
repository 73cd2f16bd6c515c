/// Why a call failed, and what is known of its effect. None of them holds a password or an SQL value.
package enum PostgresError: Error, Hashable, Sendable, CustomStringConvertible {
  /// No connection, or it was lost before anything could be committed: nothing was done.
  case unavailable(String)
  /// The server refused a statement; the transaction is rolled back. The message is empty for data exceptions
  /// (class 22), whose messages quote values.
  case server(sqlState: String, message: String)
  /// The deadline passed before anything could be committed: nothing was done.
  case deadline
  /// COMMIT (or a writing statement outside a transaction) was sent and its answer is not known.
  case commitUnknown(String)
  /// The pool's queue is full: nothing was done.
  case poolFull

  package var description: String {
    switch self {
    case .unavailable(let reason): "database unavailable: \(reason)"
    case .server(let state, let message): "database refused (\(state)): \(message)"
    case .deadline: "database deadline exceeded, nothing was committed"
    case .commitUnknown(let reason): "outcome of the commit unknown: \(reason)"
    case .poolFull: "too many are waiting for a database connection"
    }
  }

  package var sqlState: String? {
    guard case .server(let state, _) = self else { return nil }
    return state
  }

  /// 23505.
  package var isUniqueViolation: Bool { sqlState == "23505" }
}

/// How one round trip failed, before the transaction interprets it.
enum TripFailure: Error, Hashable {
  /// Nothing reached the connection.
  case notSent(String)
  /// The deadline had passed before anything was sent; the connection is as before.
  case expired
  /// The server refused; the connection stays open unless `fatal`.
  case server(sqlState: String, message: String, fatal: Bool)
  /// The connection broke.
  case lost(String)
  case deadline

  /// The error of a failed trip if it may have committed, and if it cannot have.
  func error(mayHaveCommitted: Bool) -> PostgresError {
    switch (self, mayHaveCommitted) {
    case (.notSent(let reason), _): .unavailable(reason)
    case (.expired, _): .deadline
    case (.server(let state, let message, fatal: false), _): .server(sqlState: state, message: message)
    // A backend that was terminated may have committed before.
    case (.server(let state, let message, fatal: true), true): .commitUnknown("\(message) (\(state))")
    case (.server(let state, let message, fatal: true), false): .unavailable("\(message) (\(state))")
    case (.lost(let reason), true): .commitUnknown(reason)
    case (.lost(let reason), false): .unavailable(reason)
    case (.deadline, true): .commitUnknown("no answer before the deadline")
    case (.deadline, false): .deadline
    }
  }
}
