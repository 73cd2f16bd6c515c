import CouponLog
import CouponStore
import EventLoop
import Foundation
import Postgres
import PrivateServers
import Terminal
import History

/// What a program logs in with on private servers: a role of its own that may do what the program needs and nothing
/// else. On servers that the user names, programs log in as the URL says. `lab` itself is the owner of both.
package struct Login: Codable, Hashable, Sendable {
  package var user: String
  /// Secret.
  package var password: String

  package init(user: String, password: String) { (self.user, self.password) = (user, password) }

  /// The same server with this login.
  func url(at url: String) -> String {
    guard var parts = URLComponents(string: url) else { return url }
    (parts.user, parts.password) = (user, password)
    return parts.string ?? url
  }
}

extension LabPart {
  /// Nil for what uses no database.
  fileprivate var rights: TableRights? {
    switch self {
    case .monolith: .monolith
    case .edaAPI: .api
    case .edaWorker: .worker
    case .kafka, .postgres, .redis: nil
    }
  }
}

extension LabState {
  /// The setting of a program that leads to a server whose owner's address is `url`. A program without a login on a
  /// private server, or without a use for it, is told no address: never the owner's.
  package func reached(_ setting: String, at url: String, by part: LabPart) -> String? {
    switch setting {
    case "DATABASE_URL" where database?.isPrivate == true: logins?[part.rawValue]?.url(at: url)
    case "REDIS_URL" where redis?.isPrivate == true: part == .edaAPI ? redisLogin?.url(at: url) : nil
    default: url
    }
  }
}

extension Lab {
  /// Has the owner make the tables, then gives each program's role its rights.
  func giveRights(_ options: UpOptions) async throws {
    guard state.database?.isPrivate == true else { return }
    for part in options.parts where part != .edaAPI { try await prepareTables(of: part, options) }
    for part in options.parts {
      guard let rights = part.rights, let architecture = part.architecture,
        let schema = Schema(state.schema(of: architecture))
      else { continue }
      let login = state.logins?[part.rawValue] ?? Login(user: rights.role, password: randomSecret())
      try await give(rights, to: login, on: schema, of: architecture)
      try update { $0.logins = ($0.logins ?? [:]).merging([part.rawValue: login]) { $1 } }
    }
  }

  private func give(
    _ rights: TableRights, to login: Login, on schema: Schema, of architecture: Architecture
  ) async throws {
    let pool = try state.pool(of: architecture)
    defer { EventLoop.shared.spawn { await pool.close() } }
    let exists = PostgresStatement("SELECT FROM pg_roles WHERE rolname = $1")
    do {
      let known = try await pool.query(exists, [.text(login.user)], deadline: .now + .seconds(10))
      // Name and password are of our own making: letters, digits and underscores.
      let role = PostgresStatement(
        "\(known.count == 0 ? "CREATE" : "ALTER") ROLE \(login.user) LOGIN PASSWORD '\(login.password)'")
      // The server's log shows a statement that fails, and with it the password.
      let silence = PostgresStatement("SET LOCAL log_min_error_statement = 'panic'")
      let statements = [silence, role] + rights.grants(to: login.user, in: schema)
      try await pool.transaction(deadline: .now + .seconds(10)) { transaction in
        _ = try await transaction.finish(statements.map { ($0, []) })
      }
    } catch { throw LabFailure("\(login.user) cannot be given its rights: \(error)") }
  }

  /// Runs the program's `prepare` as the owner.
  private func prepareTables(of part: LabPart, _ options: UpOptions) async throws {
    let command = ProgramCommand(part)
    let executable = try executable(of: command, options)
    var environment = ProgramCommand.environment(of: part, state: state, options: options)
    environment["DATABASE_URL"] = state.database?.url
    let log = folder.log(of: part)
    let offset = ServerFiles.size(of: log)
    let (status, _) = try await ChildProcess.run(
      ChildProcess.Options(executable, ["prepare"], environment: environment, output: .file(log)))
    guard status.isSuccess else { throw ended(part, log, offset) }
  }

  /// The user of docs/security.md, with what the strategy needs.
  func redisUser(_ options: UpOptions) throws -> PrivateRedis.User {
    let login = state.redisLogin ?? Login(user: "timeattack", password: randomSecret())
    try update { $0.redisLogin = login }
    let setting = options.settings[.edaAPI]?["COUPON_STRATEGY"] ?? options.named("COUPON_STRATEGY")
    let strategy = setting.flatMap { EDAStrategy($0) } ?? .log
    return PrivateRedis.User(
      name: login.user, password: login.password, rules: RedisRights.rules(for: strategy))
  }
}
