import EventLoop
import Foundation
import HTTP
import PrivateServers
import Testing

extension EDATests {
  @Suite struct AllInOne {
    @LoopActor
    private func start() async throws -> EDAProcess {
      try EDAProcess(
        "all",
        [
          "HTTP_PORT": "0", "ADMIN_PORT": "0", "ADMIN_TOKEN": Stage.token, "COUPON_KEY": Stage.key,
          "DATABASE_URL": try await TestServers.postgres().createDatabase(
            "all\(UInt32.random(in: 0 ... .max))"),
          "REDIS_URL": try await TestServers.redis().url, "KEY_PREFIX": "all\(UInt32.random(in: 0 ... .max))",
        ])
    }

    @Test(.timeLimit(.minutes(2))) func itServesAndEndsWithItsChildren() async throws {
      try await onLoop {
        let all = try await self.start()
        let children = try await all.patiently("three children") {
          let found = ProcessTable.descendants(of: all.child.pid)
          return found.count == 3 ? found : nil
        }
        try await all.patiently("both listen") {
          all.log.components(separatedBy: "message=listening host=").count == 3 ? () : nil
        }
        #expect(await all.end() == .code(0))
        #expect(children.allSatisfy { kill($0, 0) != 0 })
      }
    }

    @Test(.timeLimit(.minutes(2))) func whenOneEndsAllEnd() async throws {
      try await onLoop {
        let all = try await self.start()
        let children = try await all.patiently("three children") {
          let found = ProcessTable.descendants(of: all.child.pid)
          return found.count == 3 ? found : nil
        }
        kill(children[1], SIGKILL)
        let status = await all.child.exit()
        #expect(status == .code(1))
        #expect(children.allSatisfy { kill($0, 0) != 0 })
      }
    }

    @Test(.timeLimit(.minutes(1))) func helpAndMistakesAreOneLineEach() async throws {
      try await onLoop {
        func run(_ arguments: [String]) async throws -> (code: Int32?, output: String) {
          let (status, output) = try await ChildProcess.run(
            ChildProcess.Options(try EDAProcess.executable(), arguments, output: .capture(limit: 100_000)))
          guard case .code(let code) = status else { return (nil, "") }
          return (code, String(decoding: output, as: UTF8.self))
        }
        let (status, help) = try await run(["--help"])
        #expect(status == 0)
        for word in ["api", "worker", "broker", "all"] { #expect(help.contains("  \(word)")) }
        for face in ["api", "worker", "broker", "all"] {
          #expect(try await run([face, "--help"]).code == 0)
        }
        for wrong in [[], ["nonsense"], ["all", "--x"], ["broker", "--x", "1"]] {
          let (status, output) = try await run(wrong)
          #expect(status == 2 && output.split(separator: "\n").count == 1, "\(output)")
        }
      }
    }
  }
}
