#if os(Linux)
  import EventLoop
  import Foundation
  import TestSupport
  import Testing

  @Suite(.limited) struct ThreadTests {
    /// A thread that nobody joins kept its stack: a question to a broker once a second filled the memory.
    @Test func aThreadThatHasEndedKeepsNoStack() async throws {
      try await onLoop {
        @LoopActor func run(_ count: Int) async throws {
          for _ in 0..<count {
            let ended = Completion<Void>()
            Platform.startThread(named: "short") { EventLoop.shared.submit { ended.succeed(()) } }
            try await ended.value()
          }
        }
        // The library keeps some stacks for threads to come.
        try await run(50)
        let before = try addressSpace()
        try await run(200)
        let grown = try addressSpace() - before
        #expect(grown < 400 << 20, "\(grown >> 20) MiB of addresses for 200 threads that have ended")
      }
    }

    private nonisolated func addressSpace() throws -> Int {
      let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
      let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmSize:") })
      return try #require(Int(line.split(whereSeparator: { !$0.isNumber }).first ?? "")) << 10
    }
  }
#endif
