package import Operations

/// Which database a program works with, and over how many connections.
package struct DatabaseSettings: Sendable {
  /// Secret: it may hold a password.
  package let configuration: PostgresConfiguration
  /// Connections at most.
  package var pool: Int

  /// - Parameter use: of the connections, for `--help`.
  package init(
    _ reader: inout SettingsReader, use: String = "Connections to the database."
  ) throws(SettingsError) {
    configuration = try reader.required(
      "DATABASE_URL", example: "postgres://user@host/database",
      "postgres://user:password@host:port/database", secret: true
    ) { try PostgresConfiguration(url: $0) }
    pool = try reader.integer("DATABASE_POOL", default: 8, in: 1...512, unit: "connections", use)
  }
}
