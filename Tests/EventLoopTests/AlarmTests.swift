import EventLoop
import TestSupport
import Testing

/// A time that a test moves.
@LoopActor
private final class HandTime: VirtualTime {
  private(set) var now = Instant(nanoseconds: 0)
  private var timers: [(at: Instant, timer: LoopTimer)] = []

  nonisolated init() {}

  func add(_ timer: LoopTimer, at time: Instant) { timers.append((time, timer)) }

  func move(to milliseconds: Int64) {
    now = Instant(nanoseconds: 0) + .milliseconds(milliseconds)
    let due = timers.filter { $0.at <= now }
    timers.removeAll { $0.at <= now }
    for (_, timer) in due.sorted(by: { $0.at < $1.at }) { timer.fire() }
  }
}

@Suite(.limited) struct AlarmTests {
  private static func at(_ milliseconds: Int64) -> Instant {
    Instant(nanoseconds: 0) + .milliseconds(milliseconds)
  }

  @Test func anEarlierMomentMovesItForward() async throws {
    try await onLoop {
      let time = HandTime()
      let rung = Rung()
      let alarm = Alarm(LoopClock(time)) { rung.moments.append(time.now) }
      alarm.wake(at: Self.at(5_000))
      alarm.wake(at: Self.at(300))
      alarm.wake(at: Self.at(4_000))
      time.move(to: 299)
      #expect(rung.moments.isEmpty)
      time.move(to: 300)
      #expect(rung.moments == [Self.at(300)])
      // It was set to the earliest; whoever has more asks again.
      time.move(to: 6_000)
      #expect(rung.moments.count == 1)
      alarm.wake(at: Self.at(6_500))
      time.move(to: 6_500)
      #expect(rung.moments.count == 2)
    }
  }

  @Test func aMomentThatHasPassedRingsInTheNextTurn() async throws {
    try await onLoop {
      let time = HandTime()
      let rung = Rung()
      let alarm = Alarm(LoopClock(time)) { rung.moments.append(time.now) }
      time.move(to: 100)
      alarm.wake(at: Self.at(200))
      alarm.wake(at: Self.at(50))
      #expect(rung.moments.isEmpty)
      time.move(to: 100)
      #expect(rung.moments == [Self.at(100)])
      time.move(to: 200)
      #expect(rung.moments.count == 1)
    }
  }

  @LoopActor
  private final class Rung {
    var moments: [Instant] = []
    nonisolated init() {}
  }
}
