import Kafka
import TestSupport
import Testing

@Suite("What an error means", .limited)
struct ErrorTests {
  /// By the protocol's numbers.
  @Test(
    "what passes is waited for",
    arguments: [-1, 3, 5, 6, 7, 8, 9, 13, 14, 15, 16, 19, 20, 27, 41, 56, 74, 75, 78] as [Int32])
  func passes(code: Int32) {
    guard case .unavailable(let reason) = KafkaError(answer: code, to: "asking") else {
      Issue.record("\(code) is \(KafkaError(answer: code, to: "asking"))")
      return
    }
    #expect(reason.hasPrefix("asking: "))
  }

  @Test("what does not pass is refused", arguments: [2, 10, 17, 29, 30, 31, 37, 38, 40, 44, 58] as [Int32])
  func stays(code: Int32) {
    guard case .refused = KafkaError(answer: code, to: "asking") else {
      Issue.record("\(code) is \(KafkaError(answer: code, to: "asking"))")
      return
    }
  }

  @Test("what a broker cannot do is told from what it does not want")
  func unsupported() {
    guard case .unsupported = KafkaError(answer: 35, to: "asking") else {
      Issue.record("an unknown version of a request is not supported")
      return
    }
  }
}
