import Redis
import TestSupport
import Testing

/// Replies as hiredis' reader gives them to the tape.
@Suite(.limited) struct ReplyTapeTests {
  private func read(_ text: String, pieces: Int = 1) -> (replies: [RedisReply], isBroken: Bool) {
    let bytes = Array(text.utf8)
    let size = max(1, (bytes.count + pieces - 1) / pieces)
    return RedisReplyReader.read(
      stride(from: 0, to: bytes.count, by: size).map { Array(bytes[$0..<min($0 + size, bytes.count)]) })
  }

  @Test(arguments: [1, 2, 7, 1_000])
  func everyKindInAnyPieces(_ pieces: Int) {
    let text =
      "+OK\r\n+QUEUED\r\n:-7\r\n$3\r\na\r\n\r\n$-1\r\n*-1\r\n*0\r\n-ERR no\r\n+QUEUED later\r\n+NO\r\n+queued\r\n$0\r\n\r\n"
    let (replies, isBroken) = read(text, pieces: pieces)
    #expect(!isBroken)
    #expect(
      replies == [
        .status("OK"), .status("QUEUED"), .integer(-7), .string(Array("a\r\n".utf8)), .null, .null,
        .array([]),
        .error("ERR no"), .status("QUEUED later"), .status("NO"), .status("queued"), .string([]),
      ])
  }

  @Test(arguments: [1, 3, 1_000])
  func arraysInArrays(_ pieces: Int) {
    let (replies, isBroken) = read(
      "*3\r\n*2\r\n:1\r\n*1\r\n$1\r\nx\r\n$-1\r\n:2\r\n:3\r\n", pieces: pieces)
    #expect(!isBroken)
    #expect(
      replies == [
        .array([.array([.integer(1), .array([.string([UInt8(ascii: "x")])])]), .null, .integer(2)]),
        .integer(3),
      ])
  }

  /// The next reply uses the memory of the one before, which was larger.
  @Test func aSmallReplyBehindALargeOne() {
    let large = String(repeating: "z", count: 200_000)
    let (replies, isBroken) = read("$200000\r\n\(large)\r\n$2\r\nab\r\n:5\r\n", pieces: 50)
    #expect(!isBroken)
    #expect(replies == [.string(Array(large.utf8)), .string(Array("ab".utf8)), .integer(5)])
  }

  @Test func anArrayThatIsTooLongIsNoReply() {
    #expect(read("*65536\r\n").isBroken == false)
    #expect(read("*65537\r\n").isBroken)
    #expect(read("*2000000000\r\n").isBroken)
  }

  @Test func aReplyThatIsTooDeepOrTooManyIsNone() {
    let deep = String(repeating: "*1\r\n", count: 7) + ":1\r\n"
    #expect(read(deep).replies.count == 1)
    #expect(read("*1\r\n*1\r\n" + deep).isBroken)
    #expect(read(String(repeating: "*1\r\n", count: 200_000) + ":1\r\n").isBroken)
    let wide = "*65536\r\n" + String(repeating: "*-1\r\n", count: 65_536)
    #expect(read(wide).replies.count == 1)
    #expect(read("*5\r\n" + String(repeating: wide, count: 5)).isBroken)
  }

  @Test func whatCameBeforeNonsenseIsKept() {
    let (replies, isBroken) = read("*2\r\n:1\r\n:2\r\n*2\r\n:3\r\n?what\r\n")
    #expect(isBroken)
    #expect(replies == [.array([.integer(1), .integer(2)])])
  }
}
