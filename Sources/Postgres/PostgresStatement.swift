/// An SQL statement with `$1…$n` for its values. Each connection prepares it on its first use there.
package struct PostgresStatement: Hashable, Sendable {
  package let sql: String
  /// Whether it changes nothing: if its answer is lost, nothing can have been done.
  package let readsOnly: Bool
  /// Whether a connection that sends it keeps it prepared for the next time.
  let isPrepared: Bool
  /// Computed once: each sending looks the statement up.
  private let hash: Int

  package func hash(into hasher: inout Hasher) { hasher.combine(hash) }

  /// What tables ask for; `hash` is keyed already.
  package func _rawHashValue(seed: Int) -> Int { hash ^ seed }

  package static func == (a: PostgresStatement, b: PostgresStatement) -> Bool {
    a.hash == b.hash && a.sql == b.sql && a.readsOnly == b.readsOnly && a.isPrepared == b.isPrepared
  }

  /// - Parameter readsOnly: by default true if the text begins with `SELECT`.
  package init(_ sql: String, readsOnly: Bool? = nil) {
    self.init(sql, readsOnly: readsOnly, isPrepared: true)
  }

  private init(_ sql: String, readsOnly: Bool?, isPrepared: Bool) {
    (self.sql, self.isPrepared, hash) = (sql, isPrepared, sql.hashValue)
    self.readsOnly = readsOnly ?? (sql.drop { $0.isWhitespace }.prefix(6).uppercased() == "SELECT")
  }

  /// A statement that a connection sends once, if at all.
  static func unprepared(_ sql: String) -> PostgresStatement {
    PostgresStatement(sql, readsOnly: true, isPrepared: false)
  }

  static let begin = PostgresStatement("BEGIN", readsOnly: true)
  static let commit = PostgresStatement("COMMIT", readsOnly: false)
  static let rollback = PostgresStatement("ROLLBACK", readsOnly: true)
}
