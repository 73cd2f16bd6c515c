import TestSupport
import EventLoop
import Foundation
import Postgres
import PrivateServers
import Testing

@Suite(.limited) struct ConfigurationTests {
  @Test func theURLIsPercentDecodedAndThePasswordNeverShown() throws {
    let configuration = try PostgresConfiguration(
      url: "postgresql://us%40er:p%2Fw%3As@db.example:6543/my%20db")
    #expect(configuration.redacted == "postgresql://us@er@db.example:6543/my db")
    var dumped = ""
    dump(configuration, to: &dumped)
    for shown in ["\(configuration)", String(reflecting: configuration), dumped] {
      #expect(!shown.contains("p/w:s"), "\(shown)")
    }
  }

  @Test(arguments: [
    "", "db.example", "host=db password=secret", "mysql://u:secret@h/d", "postgresql://u:se%cret@h/d",
    "postgresql://u:secret@one:1,two:2,three:3/d?port=1,2", "postgresql://u:secret@one,two:0/d",
    "postgresql://u:secret@h/d?target_session_attrs=prefer-standby", "postgresql://u:secret@h:99999/d",
    "postgresql://u:secret@h:0/d",
    "postgresql://u:secret@h/d?nonsense=1", "postgresql://u:secret@h:port/d", "postgresql://u:secret%00@h/d",
  ])
  func whatIsNoURLOfServersIsRefusedWithoutQuotingIt(url: String) {
    do {
      _ = try PostgresConfiguration(url: url)
      Issue.record("accepted \(url)")
    } catch {
      #expect(!"\(error)".contains("secret"))
    }
  }

  @Test func severalServersAreOneURL() throws {
    let configuration = try PostgresConfiguration(url: "postgresql://u:secret@one:1,two,[::1]:3/d")
    #expect(configuration.redacted == "postgresql://u@one:1,two:5432,::1:3/d")
  }

  @Test func theDefaultHostIsTheLoopback() throws {
    #expect(try PostgresConfiguration(url: "postgres:///d").redacted == "postgresql://localhost:5432/d")
  }

  @Test func aNameIsResolvedAndSettingsReachTheSession() async throws {
    try await onLoop {
      let url = try await TestServers.postgres().url.replacing("127.0.0.1", with: "localhost")
      let pool = PostgresPool(
        configuration: try PostgresConfiguration(url: url), size: 1, maxWaiting: 1,
        sessionSettings: ["lock_timeout": "1234ms", "search_path": #""a b\c", public"#], name: "my pool")
      let rows = try await pool.query(
        PostgresStatement(
          """
          SELECT current_setting('lock_timeout'), current_setting('application_name'),
            current_setting('search_path'), current_setting('TimeZone'), current_setting('client_encoding')
          """), deadline: .soon)
      let found = (0..<5).map { rows.text(0, $0) }
      #expect(found == ["1234ms", "my pool", #""a b\c", public"#, "UTC", "UTF8"])
      await pool.close()
    }
  }

  /// The forms of the answers are the connection's own, whatever the role has.
  @Test func aRoleWithOddSettingsIsReadRightly() async throws {
    try await onLoop {
      let server = try await TestServers.postgres()
      let url = try await makeRole(
        "odd", on: server, "SET TimeZone = 'Asia/Seoul'", "SET DateStyle = 'German, DMY'",
        "SET bytea_output = 'escape'", "SET array_nulls = off",
        "SET default_transaction_isolation = 'serializable'")
      let pool = try makePool(url, size: 1)
      let now = Int64(1_792_000_000_123_456)
      let rows = try await pool.query(
        PostgresStatement(
          """
          SELECT $1::timestamptz, $2::bytea, ($3::bigint[])[1] IS NULL, '2026-03-01'::date::text,
            current_setting('transaction_isolation')
          """), [.timestamp(microseconds: now), .bytes([0, 92, 255]), .ints([nil])], deadline: .soon)
      #expect(rows.timestamp(0, 0) == now)
      #expect(rows.bytes(0, 1) == [0, 92, 255])
      #expect(
        rows.bool(0, 2) == true && rows.text(0, 3) == "2026-03-01" && rows.text(0, 4) == "read committed")
      await pool.close()
    }
  }

  /// What is meant for `psql` reaches no connection.
  @Test func theLibrarysVariablesAreIgnored() async throws {
    let variables = [
      "PGDATESTYLE": "German", "PGSERVICE": "nowhere", "PGSSLMODE": "require",
      "PGOPTIONS": "-c search_path=odd",
      "PGTZ": "Asia/Seoul",
    ]
    for (name, value) in variables { setenv(name, value, 1) }
    #expect(Set(LibraryEnvironment.remove()) == Set(variables.keys))
    for name in variables.keys { #expect(getenv(name) == nil) }
  }
}
