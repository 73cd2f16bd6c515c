internal import EventLoop
internal import Foundation
internal import PrivateServers
import Terminal

/// PostgreSQL's own load generator with the statements of a coupon, one after the other: what the monolith is measured against.
@LoopActor
struct PgBench {
  private static let schema = "bench"
  let url: String
  let folder: String

  /// Tables like the monolith's, and the scripts: lock, look, insert twice, count, commit.
  func prepare() async throws {
    let tables = """
      DROP SCHEMA IF EXISTS \(PgBench.schema) CASCADE;
      CREATE SCHEMA \(PgBench.schema);
      SET search_path = \(PgBench.schema);
      CREATE TABLE policy_day (policy_id integer, day date, quota integer NOT NULL, issued integer NOT NULL,
        PRIMARY KEY (policy_id, day));
      CREATE TABLE coupon (coupon_id text PRIMARY KEY, policy_id integer NOT NULL, user_id text NOT NULL,
        period date NOT NULL, day date NOT NULL, rank integer, issued_at timestamptz NOT NULL,
        UNIQUE (policy_id, user_id, period), UNIQUE (policy_id, day, rank));
      CREATE TABLE coupon_event (sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        event_id text NOT NULL UNIQUE, policy_id integer NOT NULL, day date, user_id text, rank integer,
        type text NOT NULL, payload bytea NOT NULL, recorded_at timestamptz NOT NULL DEFAULT now());
      CREATE SEQUENCE ticket;
      INSERT INTO policy_day VALUES (1, '2026-01-01', 100000000, 0);
      """
    let rank =
      "SELECT issued + 1 FROM \(PgBench.schema).policy_day WHERE policy_id = 1 AND day = '2026-01-01'"
    for (trips, text) in [Trips.separate: separate, .pipelined: pipelined(rank)] {
      try text.write(toFile: file(trips), atomically: true, encoding: .utf8)
    }
    try tables.write(toFile: folder + "/bench-tables.sql", atomically: true, encoding: .utf8)
    _ = try await run("psql", ["-q", "-v", "ON_ERROR_STOP=1", "-f", folder + "/bench-tables.sql"])
  }

  /// How often a client waits for the server in one transaction.
  enum Trips: String {
    /// For each statement.
    case separate
    /// Twice, as the monolith: for the row's lock, and for the COMMIT.
    case pipelined
  }

  private func file(_ trips: Trips) -> String { "\(folder)/bench-\(trips.rawValue).sql" }

  private var separate: String {
    """
    BEGIN;
    SELECT issued + 1 AS rank, nextval('\(PgBench.schema).ticket') AS ticket FROM \(PgBench.schema).policy_day \
    WHERE policy_id = 1 AND day = '2026-01-01' FOR UPDATE \\gset
    \(PgBench.insertEvent("'event-' || :ticket::text", "'user-' || :ticket::text", ":rank"))
    \(PgBench.insertCoupon("'coupon-' || :ticket::text", "'user-' || :ticket::text", ":rank"))
    \(PgBench.update)
    COMMIT;
    """
  }

  /// A pipeline gives the script no answers: who asks is drawn by lot, and the statements look the rank up.
  private func pipelined(_ rank: String) -> String {
    let name = ":a::text || '-' || :b::text"
    return """
      \\set a random(1, 2000000000)
      \\set b random(1, 2000000000)
      \\startpipeline
      BEGIN;
      SELECT issued FROM \(PgBench.schema).policy_day WHERE policy_id = 1 AND day = '2026-01-01' FOR UPDATE;
      SELECT coupon_id FROM \(PgBench.schema).coupon WHERE policy_id = 1 AND user_id = 'user-' || \(name);
      \\endpipeline
      \\startpipeline
      \(PgBench.insertEvent("'event-' || \(name)", "'user-' || \(name)", "(\(rank))"))
      \(PgBench.insertCoupon("'coupon-' || \(name)", "'user-' || \(name)", "(\(rank))"))
      \(PgBench.update)
      COMMIT;
      \\endpipeline
      """
  }

  private static func insertEvent(_ id: String, _ user: String, _ rank: String) -> String {
    "INSERT INTO \(schema).coupon_event (event_id, policy_id, day, user_id, rank, type, payload) VALUES "
      + "(\(id), 1, '2026-01-01', \(user), \(rank), 'CouponIssued', convert_to(repeat('x', 300), 'UTF8'));"
  }

  private static func insertCoupon(_ id: String, _ user: String, _ rank: String) -> String {
    "INSERT INTO \(schema).coupon VALUES (\(id), 1, \(user), '2026-01-01', '2026-01-01', \(rank), now());"
  }

  private static let update =
    "UPDATE \(schema).policy_day SET issued = issued + 1 WHERE policy_id = 1 AND day = '2026-01-01';"

  /// Transactions per second with this number of clients.
  func run(_ trips: Trips, clients: Int, seconds: Int) async throws -> Double {
    let output = try await run(
      "pgbench",
      [
        "-n", "-M", "prepared", "-c", String(clients), "-j", "1", "-T",
        String(seconds), "-f", file(trips),
      ])
    guard let line = output.split(separator: "\n").first(where: { $0.hasPrefix("tps = ") }),
      let rate = Double(line.dropFirst("tps = ".count).prefix { $0 != " " })
    else { throw LabFailure("pgbench printed no rate: \(output.suffix(300))") }
    return rate
  }

  /// The login is passed in the environment: every user of the machine can read a command line.
  private func run(_ program: String, _ arguments: [String]) async throws -> String {
    guard let address = URLComponents(string: url), let path = Binaries.find(program) else {
      throw LabFailure("\(program) is not installed: it comes with PostgreSQL's server package")
    }
    var environment = ChildEnvironment.clean()
    environment["PGHOST"] = address.host ?? "127.0.0.1"
    environment["PGPORT"] = String(address.port ?? 5432)
    environment["PGUSER"] = address.user
    environment["PGPASSWORD"] = address.password
    environment["PGDATABASE"] = String(address.path.dropFirst())
    let (status, output) = try await ChildProcess.run(
      .init(path, arguments, environment: environment, output: .capture(limit: 65_536)))
    let text = String(decoding: output, as: UTF8.self)
    guard status.isSuccess else { throw LabFailure("\(program) failed (\(status)): \(text.suffix(300))") }
    return text
  }
}
