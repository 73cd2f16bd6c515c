import EventLoop
import Foundation
import PrivateServers
import TestSupport
import Testing

/// What a command that was killed has left, and how everything ends.
@Suite(.serialized, .limited) struct LeftoverTests {
  /// `lab demo` and `lab run` have laboratories of their own below the folder.
  @Test(.timeLimit(.minutes(3)), arguments: ["down", "reset"])
  func theServersOfAKilledDemoAreFoundAndEnded(command: String) async throws {
    try await onLoop {
      let lab = try LabProcess()
      let inner = LabProcess(inside: lab, "demo-monolith")
      let demo = try lab.start("demo", "--only", "monolith", "--people", "1000", "--before", "60")
      let parts = try await inner.partsOnce(demo) { $0.contains { $0.part == "monolith" } }
      demo.signal(SIGKILL)
      _ = await demo.exit()
      #expect(parts.allSatisfy { $0.process.isRunning })
      let status = try await lab.run("status")
      #expect(status.text.contains("\(inner.folder)"), "\(status.text)")
      #expect(status.text.contains("postgres, monolith"), "\(status.text)")
      let ended = try await lab.run(command)
      #expect(ended.code == 0 && !ended.text.contains("nothing is running"), "\(ended.text)")
      #expect(parts.allSatisfy { !$0.process.isRunning })
      if command == "down" { #expect(try await inner.run("reset").code == 0) }
      #expect(inner.state == nil)
    }
  }

  /// A laboratory whose command is at work is that command's.
  @Test(.timeLimit(.minutes(3))) func whatStillHasItsCommandIsLeftAlone() async throws {
    try await onLoop {
      let lab = try LabProcess()
      let inner = LabProcess(inside: lab, "demo-monolith")
      let demo = try lab.start("demo", "--only", "monolith", "--people", "1000", "--before", "60")
      let parts = try await inner.partsOnce(demo) { $0.contains { $0.part == "monolith" } }
      let down = try await lab.run("down")
      #expect(down.text.contains("left alone: a lab command is at work in \(inner.folder)"), "\(down.text)")
      #expect(parts.allSatisfy { $0.process.isRunning })
      demo.signal(SIGINT)
      #expect(await demo.exit() == .code(130))
      #expect(parts.allSatisfy { !$0.process.isRunning })
    }
  }

  /// One that is slow to end does not keep the others waiting: each of these ends once it sees that the other was told.
  @Test(.timeLimit(.minutes(1))) func partsThatNeedNothingOfEachOtherEndTogether() async throws {
    try await onLoop {
      let lab = try LabProcess()
      try FileManager.default.createDirectory(atPath: lab.folder, withIntermediateDirectories: true)
      @LoopActor func stub(_ name: String, waitsFor other: String) throws -> (ChildProcess, RunningProcess) {
        let script = """
          trap 'touch "$1/\(name)"; while ! test -e "$1/\(other)"; do sleep 0.05; done; touch "$1/\(name)-ended"; exit' TERM
          touch "$1/\(name)-runs"; while :; do sleep 0.05; done
          """
        let child = try ChildProcess.start(
          .init(
            "bash", ["-c", script, "stub", lab.folder], environment: ["PATH": "/usr/bin:/bin"],
            output: .null, ownGroup: true))
        try TestServers.adopt(child)
        return (child, try #require(RunningProcess(pid: child.pid)))
      }
      let (first, monolith) = try stub("monolith", waitsFor: "worker")
      let (second, worker) = try stub("worker", waitsFor: "monolith")
      try await until {
        ["monolith", "worker"].allSatisfy {
          FileManager.default.fileExists(atPath: "\(lab.folder)/\($0)-runs")
        }
      }
      func part(_ name: String, _ process: RunningProcess) -> String {
        #"{"part": "\#(name)", "process": {"pid": \#(process.pid), "began": "\#(process.began)"}, "port": 1, "adminPort": 2}"#
      }
      let file = """
        {"version": 1, "id": "0badcafe", "couponKey": "0123456789abcdef", "adminToken": "fedcba9876543210",
         "parts": [\(part("monolith", monolith)), \(part("eda-worker", worker))]}
        """
      try Data(file.utf8).write(to: URL(fileURLWithPath: lab.folder + "/lab.json"))
      #expect(try await lab.run("down", "--now").code == 0)
      _ = (await first.exit(), await second.exit())
      for name in ["monolith", "worker"] {
        let ended = FileManager.default.fileExists(atPath: "\(lab.folder)/\(name)-ended")
        #expect(ended, "\(name) was killed")
      }
    }
  }
}
