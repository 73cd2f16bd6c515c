/// An SQL statement with `$1…$n` for its values. Each connection prepares it on its first use there.
package struct PostgresStatement: Hashable, Sendable {
  package let sql: String
  /// Whether it changes nothing: if its answer is lost, nothing can have been done.
  package let readsOnly: Bool

  /// - Parameter readsOnly: by default true if the text begins with `SELECT`.
  package init(_ sql: String, readsOnly: Bool? = nil) {
    self.sql = sql
    self.readsOnly = readsOnly ?? (sql.drop { $0.isWhitespace }.prefix(6).uppercased() == "SELECT")
  }

  static let begin = PostgresStatement("BEGIN", readsOnly: true)
  static let commit = PostgresStatement("COMMIT", readsOnly: false)
  static let rollback = PostgresStatement("ROLLBACK", readsOnly: true)
}
