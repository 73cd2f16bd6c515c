import TestSupport
import EventLoop
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
    "postgresql://u:secret@one,two/d", "postgresql://u:secret@h:99999/d", "postgresql://u:secret@h:0/d",
    "postgresql://u:secret@h/d?nonsense=1", "postgresql://u:secret@h:port/d", "postgresql://u:secret%00@h/d",
  ])
  func whatIsNoURLOfOneServerIsRefusedWithoutQuotingIt(url: String) {
    do {
      _ = try PostgresConfiguration(url: url)
      Issue.record("accepted \(url)")
    } catch {
      #expect(!"\(error)".contains("secret"))
    }
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
}
