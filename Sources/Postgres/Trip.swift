internal import Clibpq

/// One statement with its values.
struct PostgresCommand {
  let statement: PostgresStatement
  let values: [PostgresValue]
}

/// One round trip in libpq's pipeline mode: what was sent, in order, and what has come back.
///
///     sent       prepare? execute   prepare? execute   …   sync
///     received   result   result    result   result        sync      each but the last followed by its end
///
/// After the first failure the server skips the rest up to the sync; nothing that was skipped has any effect.
struct Trip {
  enum Step {
    case prepare(PostgresStatement)
    case execute
  }

  private(set) var rows: [PostgresRows] = []
  private(set) var failure: TripFailure?
  /// The sync has been received: the trip is over.
  private(set) var isComplete = false
  private var steps: [Step] = []
  private var current = 0
  private var expectedRows = 0
  /// Whether the last statement is COMMIT.
  let endsWithCommit: Bool

  /// Nothing is sent.
  init() { endsWithCommit = false }

  init(commands: Int, endsWithCommit: Bool) {
    self.endsWithCommit = endsWithCommit
    rows.reserveCapacity(commands)
    steps.reserveCapacity(commands)
  }

  mutating func sent(_ step: Step) {
    steps.append(step)
    if case .execute = step { expectedRows += 1 }
  }

  /// The server has answered COMMIT with COMMIT: a later loss of the connection does not change that.
  var isCommitted: Bool {
    endsWithCommit && expectedRows > 0 && rows.count == expectedRows && rows.last?.commandTag == "COMMIT"
  }

  /// Statements whose preparation was sent but not done.
  var unprepared: [PostgresStatement] {
    guard current < steps.count else { return [] }
    return steps.dropFirst(current).compactMap { step in
      guard case .prepare(let statement) = step else { return nil }
      return statement
    }
  }

  /// Takes the result of `PQgetResult` and its ownership.
  mutating func receive(_ result: OpaquePointer?) {
    guard let result else {
      // The end of a step's results. A failed step stays current, so that its preparation counts as not done.
      if failure == nil { current += 1 }
      return
    }
    switch PQresultStatus(result) {
    case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY:
      guard failure == nil, current < steps.count, case .execute = steps[current] else { break }
      rows.append(PostgresRows(owning: result))
      return
    case PGRES_PIPELINE_SYNC: isComplete = true
    case PGRES_PIPELINE_ABORTED: break
    case PGRES_FATAL_ERROR: failure = failure ?? TripFailure(result)
    default: failure = failure ?? .lost("the server answered out of order")
    }
    PQclear(result)
  }
}

extension TripFailure {
  /// Reads an error result: state, severity and primary message only, since details and hints quote values.
  fileprivate init(_ result: OpaquePointer) {
    func field(_ code: Int32) -> String? { PQresultErrorField(result, code).map { String(cString: $0) } }
    guard let state = field(PostgresField.sqlState) else {
      self = .lost(firstLine(PQresultErrorMessage(result)))
      return
    }
    let severity = field(PostgresField.severity) ?? "ERROR"
    let fatal = severity != "ERROR" || Fitness.endsTheConnection(state)
    let message = state.hasPrefix("22") ? "" : field(PostgresField.message) ?? ""
    self = .server(sqlState: state, message: message, fatal: fatal)
  }
}

/// `PG_DIAG_…` of postgres_ext.h: character constants.
private enum PostgresField {
  static let sqlState = Int32(UInt8(ascii: "C"))
  static let severity = Int32(UInt8(ascii: "V"))
  static let message = Int32(UInt8(ascii: "M"))
}

/// libpq's messages have further lines with hints.
func firstLine(_ message: UnsafePointer<CChar>?) -> String {
  guard let message else { return "connection lost" }
  let text = String(cString: message)
  let line = text.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
  return line.isEmpty ? "connection lost" : line
}
