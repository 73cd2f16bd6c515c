package import Operations

/// Which database a program uses, and with how many connections.
package struct DatabaseSettings: Sendable {
  /// Secret: it may hold a password.
  package let configuration: PostgresConfiguration
  /// The most connections.
  package var pool: Int

  /// - Parameter use: what the connections are used for, in `--help`.
  package init(
    _ reader: inout SettingsReader, use: String = "Connections to the database."
  ) throws(SettingsError) {
    configuration = try reader.required(
      "DATABASE_URL", example: "postgres://user@host/database",
      "postgres://user:password@host:port/database; several servers as host:port,host:port. libpq's variables (PG…) are ignored.",
      secret: true
    ) { try PostgresConfiguration(url: $0) }
    pool = try reader.integer("DATABASE_POOL", default: 8, in: 1...512, unit: "connections", use)
  }
}
