import TestSupport
import EventLoop
import Foundation
import HTTP
import PrivateServers

struct StageFailure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// One of the program's faces as a child process, with its log in a file; it ends with the test process.
@LoopActor
final class EDAProcess {
  let child: ChildProcess
  private let logPath: String
  private let name: String

  init(_ subcommand: String, _ environment: [String: String], ownGroup: Bool = false) throws {
    name = "eda \(subcommand)"
    logPath = try TestServers.folder() + "/log"
    var options = ChildProcess.Options(try EDAProcess.executable(), [subcommand], environment: environment)
    (options.output, options.ownGroup) = (.file(logPath), ownGroup)
    child = try ChildProcess.start(options)
    try TestServers.adopt(child)
  }

  var log: String { (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? "" }

  /// The public and the operator's port, as soon as the program tells them.
  func ports() async throws -> (port: Int, admin: Int) {
    try await patiently("\(name) listens") {
      let log = self.log
      guard let port = number("message=listening host=127.0.0.1 port=", log),
        let admin = number("message=\"operator may call\" port=", log)
      else { return nil }
      return (port, admin)
    }
  }

  func kill() async {
    child.signal(SIGKILL)
    _ = await child.exit()
  }

  /// SIGTERM; the exit code.
  func end() async -> ExitStatus {
    child.signal(SIGTERM)
    return await child.exit()
  }

  private func number(_ text: String, _ log: String) -> Int? {
    guard let range = log.range(of: text) else { return nil }
    return Int(log[range.upperBound...].prefix { $0.isNumber })
  }

  /// Waits for something that the process brings about, while it lives.
  func patiently<Value: Sendable>(
    _ what: String, within limit: Duration = .seconds(90), _ look: @LoopActor () async throws -> Value?
  ) async throws -> Value {
    let deadline = Instant.now + limit
    while Instant.now < deadline {
      if let value = try await look() { return value }
      guard child.isRunning else { break }
      await EventLoop.shared.sleep(for: .milliseconds(20))
    }
    throw StageFailure("in vain: \(what)\n\(log.suffix(3_000))")
  }

  /// The programs lie beside the tests that were built with them.
  static func executable() throws -> String {
    let tests =
      [CommandLine.arguments[0], Bundle.main.executablePath ?? ""] + Bundle.allBundles.map(\.bundlePath)
    for path in tests {
      let candidate = URL(fileURLWithPath: path).deletingLastPathComponent().appendingPathComponent("eda")
        .path
      if FileManager.default.isExecutableFile(atPath: candidate) { return candidate }
    }
    throw StageFailure("no eda beside the tests; build it first")
  }
}

/// Waits for something that several processes bring about.
@LoopActor
func eventually(
  _ what: String, within limit: Duration = .seconds(60), _ look: @LoopActor () async throws -> Bool
) async throws {
  let deadline = Instant.now + limit
  while Instant.now < deadline {
    if try await look() { return }
    await EventLoop.shared.sleep(for: .milliseconds(25))
  }
  throw StageFailure("in vain: \(what)")
}
