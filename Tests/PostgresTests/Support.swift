import TestSupport
import EventLoop
import Postgres
import PrivateServers
import Testing

let soon = Duration.seconds(10)

extension Instant {
  /// Long enough for anything that is meant to succeed.
  static var soon: Instant { .now + .seconds(20) }
}

@LoopActor
func makePool(
  _ server: PrivatePostgres, size: Int = 2, maxWaiting: Int = 16, settings: [String: String] = [:],
  connectTimeout: Duration = .seconds(5), seam: (any CallSeam)? = nil
) throws -> PostgresPool {
  try makePool(
    server.url, size: size, maxWaiting: maxWaiting, settings: settings, connectTimeout: connectTimeout,
    seam: seam)
}

@LoopActor
func makePool(
  _ url: String, size: Int = 2, maxWaiting: Int = 16, settings: [String: String] = [:],
  name: String = "postgres-tests", connectTimeout: Duration = .seconds(5),
  freshness: Duration = PostgresPool.freshness, seam: (any CallSeam)? = nil, group: PoolGroup? = nil
) throws -> PostgresPool {
  PostgresPool(
    configuration: try PostgresConfiguration(url: url), size: size, maxWaiting: maxWaiting,
    sessionSettings: settings, name: name, connectTimeout: connectTimeout, freshness: freshness, seam: seam,
    group: group)
}

/// A new role that may log in and is granted everything in `public`; its URL.
@LoopActor
func makeRole(_ name: String, on server: PrivatePostgres, _ settings: String...) async throws -> String {
  let pool = try makePool(server, size: 1)
  try await pool.execute("CREATE ROLE \(name) LOGIN PASSWORD 'x'", "GRANT ALL ON SCHEMA public TO \(name)")
  for setting in settings { try await pool.execute("ALTER ROLE \(name) \(setting)") }
  await pool.close()
  return server.url.replacing(/\/\/[^@]+@/, with: "//\(name):x@")
}

/// Runs `body` on the loop with a pool on the server that all these tests share.
func withPool<T: Sendable>(
  size: Int = 2, maxWaiting: Int = 16, settings: [String: String] = [:], seam: (any CallSeam)? = nil,
  _ body: @escaping @Sendable @LoopActor (PostgresPool) async throws -> T
) async throws -> T {
  try await onLoop {
    let pool = try makePool(
      try await TestServers.postgres(), size: size, maxWaiting: maxWaiting, settings: settings, seam: seam)
    do {
      let value = try await body(pool)
      await pool.close()
      return value
    } catch {
      await pool.close()
      throw error
    }
  }
}

extension PostgresPool {
  /// Runs statements one after the other, each on its own.
  func execute(_ statements: String...) async throws {
    for sql in statements { _ = try await query(PostgresStatement(sql), deadline: .soon) }
  }

  func int(_ sql: String, _ values: [PostgresValue] = []) async throws -> Int64? {
    try await query(PostgresStatement(sql), values, deadline: .soon).int(0, 0)
  }
}

/// The `PostgresError` that `work` throws.
@LoopActor
func failure<T>(_ work: @LoopActor () async throws -> T) async -> PostgresError? {
  do {
    _ = try await work()
    Issue.record("expected an error")
    return nil
  } catch let error as PostgresError {
    return error
  } catch {
    Issue.record("unexpected \(error)")
    return nil
  }
}
