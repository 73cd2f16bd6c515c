import EventLoop
import Foundation
import Fuzzing
import Redis
import TestSupport
import Testing

/// A few inputs for every reader of what others send or write, and the fuzzer itself: `scripts/fuzz` runs millions.
@Suite(.limited) struct FuzzTests {
  private static let corpus = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fuzzing/Corpus").path

  @Test(arguments: FuzzTarget.all.map(\.name))
  func nothingIsFoundAndNotEverythingIsRefused(name: String) throws {
    let target = try #require(FuzzTarget.all.first { $0.name == name })
    let result = try FuzzRun(target, corpus: FuzzTests.corpus, seed: 20_261_126).run(0..<2_000)
    #expect(result.inputs == 2_000)
    #expect(result.taken > 50, "of \(result.inputs) only \(result.taken)")
  }

  @Test func theCorpusHasAFolderForEachTargetAndNoOther() throws {
    let folders = try FileManager.default.contentsOfDirectory(atPath: FuzzTests.corpus)
    #expect(Set(folders).isSubset(of: Set(FuzzTarget.all.map(\.name))))
  }

  /// Found by the fuzzer: room for as many elements as a server announces.
  @Test func aHugeArrayIsRefusedWhenItIsAnnounced() {
    let (replies, isBroken) = RedisReplyReader.read([Array("+OK\r\n*1854775808\r\n:1\r\n".utf8)])
    #expect(replies == [.status("OK")] && isBroken)
    #expect(RedisReplyReader.read([Array("*65536\r\n".utf8)]).isBroken == false)
  }

  /// A reader with a fault: the finding names the input, and the same seed and number show it again.
  @Test func aPlantedFaultIsFoundAndShownAgain() throws {
    let planted = FuzzTarget("log-entries", tokens: ["policyId"]) { input, _ in
      if input.suffix(2) == [0x7d, 0x7d] { throw BrokenProperty("two braces at the end") }
      return true
    }
    let run = try FuzzRun(planted, corpus: FuzzTests.corpus, seed: 1)
    let finding = #expect(throws: FuzzRun.Finding.self) { _ = try run.run(0..<100_000) }
    let found = try #require(finding)
    #expect(found.input.suffix(2) == [0x7d, 0x7d])
    #expect(run.input(found.number).bytes == found.input)
    #expect("\(found)".contains("--seed 1 --from \(found.number) --inputs 1"))
  }
}
