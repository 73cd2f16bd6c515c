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

  /// Tables like the monolith's, and the script: lock, look, insert twice, count, commit.
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
    let script = """
      BEGIN;
      SELECT issued + 1 AS rank, nextval('\(PgBench.schema).ticket') AS ticket FROM \(PgBench.schema).policy_day \
      WHERE policy_id = 1 AND day = '2026-01-01' FOR UPDATE \\gset
      INSERT INTO \(PgBench.schema).coupon_event (event_id, policy_id, day, user_id, rank, type, payload) \
      VALUES ('event-' || :ticket::text, 1, '2026-01-01', 'user-' || :ticket::text, :rank, 'CouponIssued', \
      convert_to(repeat('x', 300), 'UTF8'));
      INSERT INTO \(PgBench.schema).coupon VALUES ('coupon-' || :ticket::text, 1, 'user-' || :ticket::text, \
      '2026-01-01', '2026-01-01', :rank, now());
      UPDATE \(PgBench.schema).policy_day SET issued = issued + 1 WHERE policy_id = 1 AND day = '2026-01-01';
      COMMIT;
      """
    try tables.write(toFile: folder + "/bench-tables.sql", atomically: true, encoding: .utf8)
    try script.write(toFile: folder + "/bench.sql", atomically: true, encoding: .utf8)
    _ = try await run("psql", ["-q", "-v", "ON_ERROR_STOP=1", "-f", folder + "/bench-tables.sql"])
  }

  /// Transactions per second with this number of clients.
  func run(clients: Int, seconds: Int) async throws -> Double {
    let output = try await run(
      "pgbench",
      [
        "-n", "-M", "prepared", "-c", String(clients), "-j", "1", "-T", String(seconds), "-f",
        folder + "/bench.sql",
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
