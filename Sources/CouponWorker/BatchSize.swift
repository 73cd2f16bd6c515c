package import Postgres

/// How many messages one transaction takes: what has come while the last one was written, up to a bound. Half as many after one that was not done in time, twice as many after one
/// that was. So a batch that is too large for its deadline is not tried for ever.
package struct BatchSize: Equatable {
  package static let most = 4_096
  /// Of their keys and values together, unless one message has more.
  package static let bytes = 4 << 20

  package private(set) var current = BatchSize.most

  package init() {}

  package mutating func wasTaken() { current = min(BatchSize.most, current * 2) }

  /// - Parameter wasSlow: it took so long that the server had ended the transaction, whose connection is lost then.
  package mutating func failed(_ error: PostgresError, wasSlow: Bool = false) {
    if wasSlow {
      current = max(1, current / 2)
      return
    }
    switch error {
    case .deadline, .commitUnknown: current = max(1, current / 2)
    // The server's own clock was the faster one.
    case .server(sqlState: "57014", _): current = max(1, current / 2)
    case .unavailable, .server, .poolFull: break
    }
  }
}
