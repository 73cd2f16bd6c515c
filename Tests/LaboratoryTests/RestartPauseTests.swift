import Laboratory
import TestSupport
import Testing

@Suite(.limited) struct RestartPauseTests {
  @Test func itGrowsUpToABoundAndIsShortAgainAfterRunningWell() {
    var pause = RestartPause()
    let pauses = (0..<8).map { _ in pause.after(running: .seconds(1)) }
    #expect(pauses == [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000].map { .milliseconds($0) })
    #expect(pause.after(running: RestartPause.well) == RestartPause.shortest)
    #expect(pause.after(running: .zero) == .milliseconds(200))
  }
}
