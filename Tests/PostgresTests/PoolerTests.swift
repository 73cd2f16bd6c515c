import EventLoop
import Foundation
import Postgres
import PrivateServers
import TestSupport
import Testing

private let isInstalled = Binaries.find("pgbouncer") != nil

/// Behind PgBouncer.
@Suite(.serialized, .enabled(if: isInstalled, "no pgbouncer is installed"), .limited)
struct PoolerTests {
  /// It refuses startup parameters that it does not know, or drops them silently.
  @Test(arguments: ["", "ignore_startup_parameters = options"])
  func inSessionModeEverySettingIsMade(line: String) async throws {
    try await onLoop {
      let server = try await TestServers.postgres()
      let pooler = try await Pooler(server, "pool_mode = session", line)
      let pool = try makePool(
        pooler.url, settings: ["search_path": "elsewhere", "lock_timeout": "1234ms"])
      try await pool.untilItWorks()
      let settings = PostgresStatement(
        "SELECT current_setting('search_path'), current_setting('lock_timeout')")
      // The second call comes while the first connection is taken.
      let answers = try await pool.transaction(deadline: .soon) { transaction in
        let first = try await transaction.run([(settings, [])])[0]
        return [first, try await pool.query(settings, deadline: .soon)]
      }
      for rows in answers { #expect([rows.text(0, 0), rows.text(0, 1)] == ["elsewhere", "1234ms"]) }
      #expect(pool.statistics.opened == 2)
      await pool.close()
      await pooler.stop()
    }
  }

  /// It takes a login and lets it wait for a place, which another pool of the same program has.
  @Test func whoWaitsForAPlaceGetsAnotherPoolsConnection() async throws {
    try await onLoop {
      let server = try await TestServers.postgres()
      let pooler = try await Pooler(server, "pool_mode = session", "default_pool_size = 1")
      let group = PoolGroup()
      let pools = try (1...2).map {
        try makePool(pooler.url, name: "pool \($0)", connectTimeout: .seconds(60), group: group)
      }
      try await pools[0].untilItWorks()
      #expect(try await pools[1].int("SELECT 1") == 1)
      #expect(pools[1].statistics.opened == 0)
      for pool in pools { await pool.close() }
      await pooler.stop()
    }
  }

  @Test func inTransactionModeNoConnectionIsUsed() async throws {
    try await onLoop {
      let server = try await TestServers.postgres()
      let pooler = try await Pooler(server, "pool_mode = transaction")
      let pool = try makePool(pooler.url)
      try await until {
        guard case .unavailable(let reason)? = await failure({ try await pool.int("SELECT 1") }) else {
          return true
        }
        return reason.contains("pool_mode=session")
      }
      for _ in 0..<5 {
        guard case .unavailable(let reason)? = await failure({ try await pool.int("SELECT 1") }) else {
          Issue.record("a connection was used")
          return
        }
        #expect(reason.contains("pool_mode=session"), "\(reason)")
      }
      await pool.close()
      await pooler.stop()
    }
  }
}

@LoopActor
private final class Pooler {
  let url: String
  private let child: ChildProcess

  init(_ server: PrivatePostgres, _ lines: String...) async throws {
    let address = try #require(URLComponents(string: server.url))
    let (port, folder) = (try Sockets.freePort(), try TestServers.folder())
    let users = "\"\(address.user ?? "")\" \"\(address.password ?? "")\"\n"
    try users.write(toFile: folder + "/users", atomically: true, encoding: .utf8)
    let settings = """
      [databases]
      * = host=127.0.0.1 port=\(server.port)
      [pgbouncer]
      listen_addr = 127.0.0.1
      listen_port = \(port)
      unix_socket_dir =
      auth_type = scram-sha-256
      auth_file = \(folder)/users
      default_pool_size = 10
      \(lines.joined(separator: "\n"))

      """
    try settings.write(toFile: folder + "/ini", atomically: true, encoding: .utf8)
    // It refuses to run as root.
    let account = geteuid() == 0 ? Account.named("postgres") : nil
    if let account {
      for file in ["", "/users", "/ini"] { chown(folder + file, account.user, account.group) }
    }
    child = try ChildProcess.start(
      ChildProcess.Options(
        try #require(Binaries.find("pgbouncer")), ["-q", folder + "/ini"],
        environment: ProcessInfo.processInfo.environment, output: .file(folder + "/log"), user: account?.user,
        group: account?.group))
    try TestServers.adopt(child)
    url = server.url.replacing(":\(server.port)/", with: ":\(port)/")
  }

  func stop() async {
    child.signal(SIGKILL)
    _ = await child.exit()
  }
}
