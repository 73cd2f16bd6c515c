import EventLoop
import Foundation
import PrivateServers
import TestSupport
import Testing

/// What `lab load` says, and with which code it ends, where no answers come.
@Suite(.serialized, .limited) struct LoadCommandTests {
  @Test(.timeLimit(.minutes(3))) func aLoadWithoutMeansOrWithoutAServerSaysSo() async throws {
    try await onLoop {
      let lab = try LabProcess()
      try await lab.up("--only", "monolith")

      // Fewer descriptors than the crowd's connections need: what does not leave is not the server's doing.
      let script = "ulimit -n 70; exec \"$0\" --lab \"$1\" load --people 600 --rate 3000 --before 1 --after 0"
      let child = try ChildProcess.start(
        .init(
          "bash", ["-c", script, LabProcess.programs + "/lab", lab.folder],
          environment: ["PATH": "/usr/bin:/bin"], output: .capture(limit: 1 << 20)))
      try TestServers.adopt(child)
      _ = await child.exit()
      let poor = String(decoding: child.captured, as: UTF8.self)
      let line = poor.split(separator: "\n").first { $0.hasPrefix("generator: ") } ?? ""
      #expect(line.contains("Too many open files") && line.contains("BOTTLENECK"), "\(poor)")

      // A server that ends while people come.
      let load = try lab.start("load", "--people", "100", "--rate", "100", "--before", "5", "--after", "1")
      try await until(within: .seconds(60)) {
        try #require(load.isRunning)
        return String(decoding: load.captured, as: UTF8.self).contains("the bystander is here")
      }
      let monolith = try #require(lab.state?.parts.first { $0.part == "monolith" })
      monolith.process.signal(SIGKILL)
      #expect(await load.exit() == .code(1))
      let text = String(decoding: load.captured, as: UTF8.self)
      #expect(text.contains("100 failed") && text.contains("lab: load: monolith has ended"), "\(text)")
      // What was seen is kept, and no refused connection counts as an answer.
      #expect(text.contains("history: "))
      #expect(try await lab.run("reset").code == 0)
    }
  }
}
