import TestSupport
import EventLoop
import Foundation
import PrivateServers
import Testing

/// The real `lab`, run as a person would.
struct LabProcess: Sendable {
  let folder: String

  static var programs: String { Bundle.main.executableURL?.deletingLastPathComponent().path ?? "." }

  /// A laboratory in a new folder that is removed when the tests end.
  @LoopActor
  init() throws { folder = try TestServers.folder() + "/.lab" }

  /// A laboratory inside another one's folder, as `lab run` and `lab demo` have them.
  init(inside other: LabProcess, _ name: String) { folder = "\(other.folder)/\(name)" }

  /// Runs a command to its end; returns its exit code (−1: a signal) and everything it said.
  @LoopActor
  func run(_ arguments: String..., environment: [String: String] = [:]) async throws -> (
    code: Int32, text: String
  ) {
    try await run(arguments: arguments, environment: environment)
  }

  @LoopActor
  func run(arguments: [String], environment: [String: String] = [:]) async throws -> (
    code: Int32, text: String
  ) {
    let child = try ChildProcess.start(options(arguments, environment, .capture(limit: 1 << 20)))
    try TestServers.adopt(child)
    let (status, output) = (await child.exit(), child.captured)
    guard case .code(let code) = status else { return (-1, "\(status)") }
    return (code, String(decoding: output, as: UTF8.self))
  }

  /// Starts a command whose end is the test's to await.
  @LoopActor
  func start(_ arguments: String..., environment: [String: String] = [:]) throws -> ChildProcess {
    let child = try ChildProcess.start(options(arguments, environment, .capture(limit: 1 << 20)))
    try TestServers.adopt(child)
    return child
  }

  /// `lab up`, whose processes end with the tests whatever happens.
  @LoopActor
  func up(_ arguments: String..., environment: [String: String] = [:]) async throws {
    _ = try await upSaying(arguments: arguments, environment: environment)
  }

  /// The same; returns what it said.
  @LoopActor
  func upSaying(_ arguments: String...) async throws -> String { try await upSaying(arguments: arguments) }

  /// For processes that another command has started.
  @LoopActor
  func adoptAgain() throws { try adoptParts() }

  @LoopActor
  private func upSaying(arguments: [String], environment: [String: String] = [:]) async throws -> String {
    let up = try ChildProcess.start(options(["up"] + arguments, environment, .capture(limit: 1 << 20)))
    try TestServers.adopt(up)
    let status = await up.exit()
    try adoptParts()
    let text = String(decoding: up.captured, as: UTF8.self)
    try #require(status == .code(0), "\(text)")
    return text
  }

  /// What `lab.json` says as soon as it says what is looked for; everything in it ends with the tests.
  @LoopActor
  func partsOnce(
    _ command: ChildProcess, _ isReached: ([LabFile.Part]) -> Bool
  ) async throws -> [LabFile.Part] {
    var found: [LabFile.Part] = []
    try await until(within: .seconds(60)) {
      found = state?.parts ?? []
      try #require(command.isRunning, "\(String(decoding: command.captured, as: UTF8.self))")
      return isReached(found)
    }
    try adoptParts()
    return found
  }

  @LoopActor
  private func adoptParts() throws {
    let observer = try TestServers.observer(signal: "TERM")
    for part in state?.parts ?? [] { observer(part.process, true) }
    if let data = PrivatePostgres.dataFolder(in: folder) { try TestServers.removeAtEnd(data) }
  }

  var state: LabFile? {
    FileManager.default.contents(atPath: folder + "/lab.json").flatMap {
      try? JSONDecoder().decode(LabFile.self, from: $0)
    }
  }

  private func options(
    _ arguments: [String], _ environment: [String: String], _ output: ChildProcess.Output
  ) -> ChildProcess.Options {
    // The tests' own servers and settings are not the laboratory's.
    let base = ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin", "HOME": folder]
    return ChildProcess.Options(
      LabProcess.programs + "/lab", ["--lab", folder] + arguments,
      environment: base.merging(environment) { $1 },
      output: output)
  }
}

/// `lab.json` as others may read it.
struct LabFile: Decodable {
  struct Part: Decodable {
    let part: String
    let process: RunningProcess
    let port: Int
  }
  let parts: [Part]
}

@Suite(.limited) struct UsageTests {
  @Test(arguments: [
    ([], 2, "usage: lab"), (["--help"], 0, "usage: lab"), (["nope"], 2, "unknown command “nope”"),
    (["up", "--help"], 0, "lab up: "), (["down", "--help"], 0, "lab down: "),
    (["status", "--help"], 0, "lab status: "),
    (["logs", "--help"], 0, "lab logs: "), (["policy", "--help"], 0, "lab policy: "),
    (["reset", "--help"], 0, "lab reset: "), (["up", "--only", "both"], 2, "lab: up: --only must be one of"),
    (["up", "--partitions", "0"], 2, "--partitions must be a number"),
    (["down", "extra"], 2, "unexpected argument"),
    (["logs", "stranger"], 2, "unknown part “stranger”"),
    (["policy"], 2, "policy create, or policy show ID"),
    (["policy", "show", "x"], 2, "needs the number of a policy"),
    (["policy", "create"], 1, "no program is running"),
    (["policy", "create", "--time-zone", "Mars/Base"], 2, "there is no “Mars/Base”"),
    (["status"], 1, "nothing is running"),
    (["down"], 0, "nothing is running"), (["logs"], 1, "there are no logs"),
  ])
  func everyCommandSaysWhatItTakes(arguments: [String], code: Int32, text: String) async throws {
    try await onLoop {
      let lab = try LabProcess()
      let (status, output) = try await ChildProcess.run(
        .init(
          LabProcess.programs + "/lab",
          (arguments.first == "--help" || arguments.isEmpty ? [] : ["--lab", lab.folder]) + arguments,
          environment: ["PATH": "/usr/bin:/bin"], output: .capture(limit: 65_536)))
      #expect(status == .code(code))
      #expect(String(decoding: output, as: UTF8.self).contains(text))
    }
  }

  @Test func aMissingProgramIsOneLineAndLeavesNothing() async throws {
    try await onLoop {
      let lab = try LabProcess()
      let copy = URL(fileURLWithPath: lab.folder).deletingLastPathComponent().appending(path: "lab").path
      try FileManager.default.copyItem(atPath: LabProcess.programs + "/lab", toPath: copy)
      let (status, output) = try await ChildProcess.run(
        .init(
          copy, ["--lab", lab.folder, "up", "--only", "monolith"],
          environment: ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"],
          output: .capture(limit: 65_536)))
      #expect(status == .code(1))
      let text = String(decoding: output, as: UTF8.self)
      #expect(text.contains("monolith is missing; build it with `make`"))
      #expect(text.split(separator: "\n").filter { $0.hasPrefix("lab: ") }.count == 1)
      #expect(lab.state?.parts.isEmpty ?? false)
      let reset = try await lab.run("reset")
      #expect(reset.code == 0)
      #expect(lab.state == nil)
    }
  }
}
