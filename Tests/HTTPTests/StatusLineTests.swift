import HTTP
import TestSupport
import Testing

@Suite(.limited) struct StatusLineTests {
  /// The lines that are ready to be copied are the ones that would be put together.
  @Test func linesHoldTheirPhrases() {
    var count = 0
    for status in 100...599 {
      guard let line = HTTPStatus.line(status) else { continue }
      count += 1
      #expect("\(line)" == "HTTP/1.1 \(status) \(HTTPStatus.phrase(status))\r\n")
    }
    #expect(count > 0)
  }
}
