package import EventLoop
package import Postgres

/// The schema with one program's tables. Its pools set it as their search path, so that statements do not
/// name it.
package struct Schema: Hashable, Sendable {
  package static let monolith = Schema(known: "monolith")
  package static let eda = Schema(known: "eda")

  package let name: String

  /// Nil unless the name is 1 to 63 lower-case letters, digits and underscores, not a digit first.
  package init?(_ name: String) {
    let bytes = Array(name.utf8)
    let digits: ClosedRange<UInt8> = 48...57
    guard let first = bytes.first, bytes.count <= 63, !digits.contains(first),
      bytes.allSatisfy({ (97...122).contains($0) || digits.contains($0) || $0 == UInt8(ascii: "_") })
    else { return nil }
    self.name = name
  }

  private init(known name: String) { self.name = name }

  /// The session settings of a pool over these tables.
  package var sessionSettings: [String: String] { ["search_path": quoted] }

  private var quoted: String { "\"\(name)\"" }

  private var makeMigrations: [SQLCall] {
    [
      (PostgresStatement("CREATE SCHEMA IF NOT EXISTS \(quoted)"), []),
      (
        PostgresStatement(
          """
          CREATE TABLE IF NOT EXISTS schema_migration (
            version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())
          """), []
      ),
    ]
  }

  /// The version of the tables, and whether ranks are unique.
  private static let state: SQLCall = (
    PostgresStatement(
      "SELECT coalesce(max(version), 0), to_regclass('coupon_rank') IS NOT NULL FROM schema_migration"), []
  )

  /// Whether coupons were written, or a log was applied.
  fileprivate static let isFilled = PostgresStatement(
    "SELECT EXISTS (SELECT 1 FROM coupon) OR EXISTS (SELECT 1 FROM consumer_offset)")
}

/// Tables that this program cannot use.
package enum SchemaError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A newer program has migrated them.
  case newer(found: Int, known: Int)
  /// A row breaks a rule of the domain.
  case corruptRow(table: String)
  /// They were filled by a strategy that assigns ranks while this one does not, or the other way round.
  case otherStrategy(ranksAreUnique: Bool)
  /// They were filled under another `COUPON_KEY`.
  case otherKey

  package var description: String {
    switch self {
    case .newer(let found, let known): "the tables have version \(found), this program knows \(known)"
    case .corruptRow(let table): "a row of \(table) cannot be read"
    case .otherStrategy(let ranksAreUnique):
      "the tables were filled under another COUPON_STRATEGY, one \(ranksAreUnique ? "with" : "without") unique ranks"
    case .otherKey:
      "the tables were filled under another COUPON_KEY, from which their coupons' ids are derived; start with that key"
    }
  }
}

extension Schema {
  /// Creates or migrates the tables; programs take turns, and repeating it has no effect.
  ///
  /// - Parameters:
  ///   - ranksAreUnique: false if a strategy assigns no ranks, or the same one twice; the index that forbids
  ///     it is then dropped. Tables filled by a strategy of the other kind are rejected.
  ///   - key: the program's `COUPON_KEY`; tables filled under another one are rejected. Nil checks nothing.
  /// - Throws: `SchemaError`, `PostgresError`.
  @LoopActor
  package func prepare(
    _ pool: PostgresPool, ranksAreUnique: Bool = true, key: CouponKey? = nil, deadline: Instant
  ) async throws {
    try await pool.transaction(deadline: deadline) { transaction in
      let answers = try await transaction.run([
        // Waits for another program's preparation, not for a request's locks.
        (PostgresStatement("SET LOCAL lock_timeout = 0"), []),
        (
          PostgresStatement("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"),
          [.text("timeattack.\(name)")]
        ),
        (PostgresStatement("SELECT to_regclass($1) IS NULL"), [.text("\(quoted).schema_migration")]),
      ])
      // Not in any case: a role that may make nothing would be refused, also where everything is there.
      let isNew = answers.last?.bool(0, 0) ?? true
      let state = try await transaction.run((isNew ? makeMigrations : []) + [Schema.state])
      let found = Int(state.last?.int(0, 0) ?? 0)
      let hasRankIndex = state.last?.bool(0, 1) ?? false
      guard found <= Migration.all.count else {
        throw SchemaError.newer(found: found, known: Migration.all.count)
      }
      var statements: [SQLCall] = []
      for version in found..<Migration.all.count {
        statements += Migration.all[version].map { (PostgresStatement($0, readsOnly: false), []) }
        statements.append(
          (PostgresStatement("INSERT INTO schema_migration (version) VALUES ($1)"), [.init(version + 1)]))
      }
      if ranksAreUnique != hasRankIndex {
        if found > 0, try await transaction.run([(Schema.isFilled, [])])[0].bool(0, 0) == true {
          throw SchemaError.otherStrategy(ranksAreUnique: hasRankIndex)
        }
        let index = ranksAreUnique ? Migration.makeRankIndex : Migration.dropRankIndex
        statements.append((PostgresStatement(index), []))
      }
      if let key {
        _ = try await transaction.run(statements)
        statements = try await KeySQL.keep(key, in: transaction)
      }
      _ = try await transaction.finish(statements)
    }
  }

  /// Drops everything in the schema. Stop the programs first.
  @LoopActor
  package func drop(_ pool: PostgresPool, deadline: Instant) async throws(PostgresError) {
    let statement = PostgresStatement("DROP SCHEMA IF EXISTS \(quoted) CASCADE")
    _ = try await pool.query(statement, deadline: deadline)
  }
}
