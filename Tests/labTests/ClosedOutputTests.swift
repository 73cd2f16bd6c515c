import TestSupport
import EventLoop
import Foundation
import PrivateServers
import Testing

/// What reads the output has enough, as `head` does.
@Suite(.limited) struct ClosedOutputTests {
  /// Runs `lab … | head -n 1`; returns lab's exit code and what both said.
  @LoopActor
  private func headed(_ lab: LabProcess, _ arguments: String) async throws -> (code: Int32?, text: String) {
    let script = "\"$0\" --lab \"$1\" \(arguments) | head -n 1; echo \"code ${PIPESTATUS[0]}\""
    let child = try ChildProcess.start(
      .init(
        "bash", ["-c", script, LabProcess.programs + "/lab", lab.folder],
        environment: [
          "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin", "HOME": lab.folder,
        ],
        output: .capture(limit: 65_536)))
    try TestServers.adopt(child)
    _ = await child.exit()
    let lines = String(decoding: child.captured, as: UTF8.self).split(separator: "\n").map(String.init)
    let code = lines.last.flatMap { $0.hasPrefix("code ") ? Int32($0.dropFirst(5)) : nil }
    return (code, lines.dropLast().joined(separator: "\n"))
  }

  /// The crowd would come in a minute; until then progress is written every few seconds.
  @Test(.timeLimit(.minutes(3))) func aDemoThatNobodyReadsEndsQuietlyAndLeavesNothing() async throws {
    try await onLoop {
      let lab = try LabProcess()
      let (code, text) = try await headed(lab, "demo --only monolith --people 1000 --before 60")
      #expect(code == 141, "\(text)")
      #expect(text.split(separator: "\n").count == 1, "\(text)")
      // No servers and no data; the logs stay, to be read.
      let left = try FileManager.default.contentsOfDirectory(atPath: lab.folder + "/demo-monolith")
      #expect(Set(left).isSubset(of: ["logs", "lock"]), "\(left)")
    }
  }

  /// It has nothing more to write, and so no write tells it.
  @Test(.timeLimit(.minutes(1))) func logsThatNobodyReadsEndThoughNothingComes() async throws {
    try await onLoop {
      let lab = try LabProcess()
      try FileManager.default.createDirectory(
        atPath: lab.folder + "/logs", withIntermediateDirectories: true)
      try Data("one\n".utf8).write(to: URL(fileURLWithPath: lab.folder + "/logs/monolith.log"))
      let (code, text) = try await headed(lab, "logs -f monolith")
      #expect(code == 141 && text == "one", "\(text)")
    }
  }

  @Test func closedStreamsAreNoStreamsOfAnythingElse() async throws {
    try await onLoop {
      let lab = try LabProcess()
      let script = "\"$0\" --lab \"$1\" logs <&- >&- 2>&-; echo \"code $?\""
      let child = try ChildProcess.start(
        .init(
          "bash", ["-c", script, LabProcess.programs + "/lab", lab.folder],
          environment: ["PATH": "/usr/bin:/bin"],
          output: .capture(limit: 1_000)))
      try TestServers.adopt(child)
      _ = await child.exit()
      #expect(String(decoding: child.captured, as: UTF8.self) == "code 1\n")
    }
  }

  /// What fits into the pipe is over before anybody stops reading.
  @Test func aShortOutputEndsAsEver() async throws {
    try await onLoop {
      let (code, text) = try await headed(try LabProcess(), "status")
      #expect(code == 1)
      #expect(text.hasPrefix("nothing is running in "))
    }
  }
}
