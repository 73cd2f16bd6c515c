import Foundation
import Operations
import TestSupport
import Testing
import Text

@Suite(.limited) struct SystemClockTests {
  @Test func theClockIsShiftedByItsOffset() {
    let (plain, ahead) = (SystemClock().now(), SystemClock(offsetMilliseconds: 3_600_000).now())
    let shift = ahead.microseconds - plain.microseconds
    #expect((3_600_000_000..<3_660_000_000).contains(shift))
    let real = Date().timeIntervalSince1970
    #expect(abs(Double(plain.microseconds) / 1e6 - real) < 60)
  }
}
