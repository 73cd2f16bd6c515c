import HTTP
import TestSupport
import Testing

@Suite(.limited) struct ChunkedDecoderTests {
  /// Any two cuts give the same body and the same end.
  @Test func anyPiecesGiveTheSame() {
    let wire = "5;name=\"value\"\r\nhello\r\n00a\r\n, world! \n\r\n0\r\nX-Trailer: 1\r\n\r\n"
    let bytes = Array(wire.utf8)
    for first in 0...bytes.count {
      for second in stride(from: first, through: bytes.count, by: 3) {
        var decoder = ChunkedDecoder(limit: 100)
        var body: [UInt8] = []
        var progress = ChunkedDecoder.Progress.needsMore
        for piece in [bytes[..<first], bytes[first..<second], bytes[second...]] {
          progress = Array(piece).withUnsafeBytes { decoder.decode($0, into: &body).progress }
        }
        #expect(progress == .done)
        #expect(String(decoding: body, as: UTF8.self) == "hello, world! \n")
      }
    }
  }

  @Test func stopsAtItsEnd() {
    var decoder = ChunkedDecoder(limit: 100)
    var body: [UInt8] = []
    let result = Array("1\r\na\r\n0\r\n\r\nGET /".utf8).withUnsafeBytes { decoder.decode($0, into: &body) }
    #expect(result.progress == .done)
    #expect(result.consumed == 11)
  }

  @Test(arguments: ["", "5", "5\r\nhel", "5\r\nhello\r\n", "0\r\n", "0\r\nX: 1\r\n"])
  func waitsForMore(_ text: String) {
    var decoder = ChunkedDecoder(limit: 100)
    var body: [UInt8] = []
    #expect(Array(text.utf8).withUnsafeBytes { decoder.decode($0, into: &body).progress } == .needsMore)
  }

  @Test(arguments: [
    "\r\n", "g\r\n", " 5\r\n", "5 \r\n", "0x5\r\n", "+5\r\n", "5\n", "5\r\r\n", "1\r\nab", "1\r\na\n",
    "0\r\n\n", "0\r\nX\n",
    "1;\u{0}\r\n", "0000000000000000001\r\n",
  ])
  func refuses(_ text: String) {
    var decoder = ChunkedDecoder(limit: 100)
    var body: [UInt8] = []
    let progress = Array(text.utf8).withUnsafeBytes { decoder.decode($0, into: &body).progress }
    #expect(progress == .refused(.badChunk))
  }

  /// The limit counts all chunks together, and holds before a byte of the next has come.
  @Test func boundsTheBody() {
    for (text, isRefused) in [
      ("5\r\nhello\r\n5\r\n", false), ("5\r\nhello\r\n6", true), ("b", true), ("ffffffffffffff", true),
    ] {
      var decoder = ChunkedDecoder(limit: 10)
      var body: [UInt8] = []
      let progress = Array(text.utf8).withUnsafeBytes { decoder.decode($0, into: &body).progress }
      #expect(progress == (isRefused ? .refused(.bodyTooLarge) : .needsMore))
    }
  }
}
