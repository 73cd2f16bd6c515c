import EventLoop
import Foundation
import Operations
import TestSupport
import Testing

@Suite(.limited) struct LogTests {
  /// What a program writes through a pipe.
  private func lines(level: LogLevel = .debug, _ body: @escaping @Sendable @LoopActor (Log) -> Void)
    async throws
    -> [String]
  {
    let pipe = Pipe()
    let descriptor = pipe.fileHandleForWriting.fileDescriptor
    try await onLoop {
      let output = LogOutput(descriptor: descriptor)
      body(Log(program: "test", level: level, output: output))
      output.flush()
    }
    try pipe.fileHandleForWriting.close()
    let text = String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    return text.split(separator: "\n").map(String.init)
  }

  @Test func aLineHasTimeLevelProgramMessageAndMetadata() async throws {
    let lines = try await lines {
      $0.info("listening", ["host": "127.0.0.1", "port": 80, "note": "two words"])
    }
    let line = try #require(lines.first)
    #expect(lines.count == 1)
    #expect(line.hasPrefix("time=2"))
    #expect(
      line.contains("Z level=info program=test message=listening host=127.0.0.1 port=80 note=\"two words\""))
  }

  @Test(arguments: [
    ("a\nlevel=error", "x=\"a\\nlevel=error\""), ("a\" y=\"b", "x=\"a\\\" y=\\\"b\""), ("", "x=\"\""),
    ("\u{2028}\u{202E}\u{85}", "x=\"\\u{2028}\\u{202e}\\u{85}\""), ("\\", "x=\"\\\\\""), ("한글", "x=\"한글\""),
    ("a=b", "x=\"a=b\""),
  ])
  func nobodyForgesALine(value: String, shown: String) async throws {
    let lines = try await lines { $0.warning("told", ["x": value]) }
    #expect(lines.count == 1)
    #expect(lines.first?.hasSuffix("message=told \(shown)") == true)
  }

  @Test func whatIsBelowTheLevelIsNotWritten() async throws {
    let lines = try await lines(level: .warning) { log in
      log.debug("one")
      log.info("two")
      log.warning("three")
      log.error("four")
    }
    #expect(lines.count == 2)
  }

  @Test func aLongValueIsCut() async throws {
    let lines = try await lines { $0.info("long", ["x": String(repeating: "é", count: 5_000)]) }
    #expect(lines.count == 1)
    #expect((lines.first?.utf8.count ?? 0) <= 4_003)
    #expect(lines.first?.hasSuffix("é…") == true)
  }

  @Test func aPipeThatNobodyReadsCostsLinesNotTheLoop() async throws {
    let pipe = Pipe()
    let descriptor = pipe.fileHandleForWriting.fileDescriptor
    let output = LogOutput(descriptor: descriptor, maximumPending: 20_000)
    try await onLoop {
      let log = Log(program: "test", level: .info, output: output)
      for number in 0..<5_000 {
        log.info("surge", ["number": number])
        output.flush()
      }
    }
    let reading = pipe.fileHandleForReading
    let reader = Task.detached { try reading.readToEnd() ?? Data() }
    try await onLoop { output.flush(patience: 2_000) }
    try pipe.fileHandleForWriting.close()
    let text = String(decoding: try await reader.value, as: UTF8.self)
    #expect(text.contains("log lines were dropped"))
    #expect(text.contains("number=0\n"))
  }
}
