import EventLoop
import Kafka
import TestSupport
import Testing

@Suite("The permit to read", .limited)
struct ReadPermitTests {
  @Test("lasts four turns, and ends where nothing was left to read")
  func turns() async throws {
    try await onLoop {
      let seam = ScriptedSeam(Array(repeating: .now(.proceed), count: 10))
      let permit = ReadPermit()
      permit.seam = seam
      var asked: [Int] = []
      for isDrained in [Bool](repeating: false, count: 8) + [true, false, true, true] {
        #expect(permit.admits(nil))
        permit.turned(isDrained: isDrained)
        asked.append(seam.uses.count)
      }
      #expect(asked == [1, 1, 1, 1, 2, 2, 2, 2, 3, 4, 4, 5])
    }
  }
}
