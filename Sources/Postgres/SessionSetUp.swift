internal import EventLoop

/// What is said once on each connection before its first caller gets it, in one round trip.
///
/// Settings are made here and not in the startup message: a pooler such as PgBouncer refuses what it does not know there,
/// or drops it silently. Here every setting is made or the connection is not used, whatever the role's own settings are.
enum SessionSetUp {
  /// The text forms that `PostgresRows` reads and `PostgresValue` writes, and the isolation that the programs count on.
  private static let fixed = [
    "TimeZone": "UTC", "DateStyle": "ISO, YMD", "bytea_output": "hex", "array_nulls": "on",
    "default_transaction_isolation": "read committed",
  ]

  /// A setting of the session that nobody else makes: who finds it made shares the session with another connection.
  private static let mark = "timeattack.session"

  static let shared = TripFailure.notSent(
    "a pooler gives this session to other connections too; PgBouncer needs pool_mode=session and its server_reset_query"
  )

  /// The session's server process, and the mark that was there before.
  private static let look = "SELECT pg_backend_pid(), current_setting('\(mark)', true)"

  static let question = PostgresCommand(statement: .unprepared(look), values: [])

  static func command(_ settings: [String: String]) -> PostgresCommand {
    var all = fixed.merging(settings) { $1 }
    all[mark] = String(UInt64.random(in: 1 ... .max), radix: 36)
    var (sql, values) = (look, [PostgresValue]())
    for (name, value) in all.sorted(by: { $0.key < $1.key }) {
      sql += ", set_config($\(values.count + 1), $\(values.count + 2), false)"
      values += [.text(name), .text(value)]
    }
    return PostgresCommand(statement: .unprepared(sql), values: values)
  }

  /// The server's process.
  ///
  /// - Throws: `shared` if another connection has set this session up.
  static func read(_ rows: PostgresRows) throws(TripFailure) -> Int64? {
    guard (rows.text(0, 1) ?? "").isEmpty else { throw shared }
    return rows.int(0, 0)
  }
}
