import EventLoop
import Foundation
import PrivateServers
import Terminal

/// A streaming replica of the laboratory's PostgreSQL behind a relay, so that it can be made to lag and then to take over.
@LoopActor
final class PostgresStandby {
  let port: Int
  /// Between it and the primary.
  let stream: Relay
  private let folder: String
  private let log: String
  private let account: Account?
  private var process: RunningProcess?

  private var data: String { folder + "/data" }
  private static let patience = Duration.seconds(30)

  /// Copies the primary and starts; returns when the copy is streaming.
  ///
  /// - Parameter url: of the primary, whose user may replicate.
  static func start(of url: String, port primaryPort: Int, log: String) async throws -> PostgresStandby {
    let standby = try PostgresStandby(primaryPort: primaryPort, log: log)
    do { try await standby.begin(url.replacing(":\(primaryPort)/", with: ":\(standby.stream.port)/")) } catch
    {
      await standby.stop()
      throw error
    }
    return standby
  }

  private init(primaryPort: Int, log: String) throws {
    self.log = log
    port = try Sockets.freePort()
    stream = try Relay(to: SocketAddress(numericHost: "127.0.0.1", port: primaryPort))
    account = geteuid() == 0 ? Account.named("postgres") : nil
    folder = "/tmp/timeattack-standby-\(randomSecret())"
    try ServerFiles.makeFolder(folder)
    if let account { _ = chown(folder, account.user, account.group) }
  }

  private func begin(_ url: String) async throws {
    // -R writes the settings of a standby, with the password.
    let (status, output) = try await ChildProcess.run(
      try options(
        "pg_basebackup", ["-d", url, "-D", data, "-R", "-X", "stream", "-c", "fast", "--no-sync"],
        output: .capture(limit: 8_192)))
    guard status.isSuccess else {
      throw LabFailure("pg_basebackup: \(ServerFiles.lastLine(of: String(decoding: output, as: UTF8.self)))")
    }
    let settings = [
      "listen_addresses=127.0.0.1", "port=\(port)", "unix_socket_directories=", "timezone=UTC",
      "max_connections=200", "shared_buffers=64MB", "lc_messages=C",
    ]
    let child = try ChildProcess.start(
      try options("postgres", ["-D", data] + settings.flatMap { ["-c", $0] }, output: .file(log)))
    process = RunningProcess(pid: child.pid)
    try await until("streaming") { $0.contains("started streaming WAL") }
  }

  /// What the primary writes from here on does not arrive.
  func lag() { stream.sever() }

  /// It becomes a primary with what it has.
  func takeOver() async throws {
    stream.close()
    let (status, _) = try await ChildProcess.run(
      try options("pg_ctl", ["promote", "-D", data, "-w", "-t", "20"], output: .null))
    guard status.isSuccess else { throw LabFailure("the standby cannot be promoted; see \(log)") }
  }

  func stop() async {
    stream.close()
    if let process { await process.end([(SIGINT, .seconds(10)), (SIGQUIT, .seconds(5))]) }
    process = nil
    try? FileManager.default.removeItem(atPath: folder)
  }

  private func until(_ what: String, _ condition: (String) -> Bool) async throws {
    let deadline = Instant.now + PostgresStandby.patience
    while !condition(ServerFiles.text(of: log, from: 0)) {
      guard process?.isRunning == true, Instant.now < deadline else {
        throw LabFailure("the standby is not \(what); see \(log)")
      }
      await EventLoop.shared.sleep(for: .milliseconds(50))
    }
  }

  private func options(_ tool: String, _ arguments: [String], output: ChildProcess.Output) throws
    -> ChildProcess.Options
  {
    guard let path = Binaries.find(tool) else { throw LabFailure("PostgreSQL's \(tool) was not found") }
    return ChildProcess.Options(
      path, arguments, environment: ["PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"], directory: folder,
      output: output, user: account?.user, group: account?.group, ownGroup: true)
  }
}
