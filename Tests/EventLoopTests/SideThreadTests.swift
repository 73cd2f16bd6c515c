import EventLoop
import TestSupport
import Testing

@Suite(.limited) struct SideThreadTests {
  @LoopActor private final class Works {
    var count = 0
  }

  @Test func itWorksWhenItIsAskedAndEndsWhenItIsStopped() async throws {
    try await onLoop {
      let works = Works()
      let thread = try SideThread(named: "side") { EventLoop.shared.submit { works.count += 1 } }
      for count in 1...20 {
        // Asked while it is at work, it does nothing more.
        while works.count < count {
          thread.ask()
          await EventLoop.shared.sleep(for: .zero)
        }
      }
      let ended = Completion<Void>()
      thread.stop { EventLoop.shared.submit { ended.succeed(()) } }
      try await ended.value()
      // Its pipe's numbers are given to the next one, which nobody must write to.
      let wakes = Works()
      let next = try Wakeup { wakes.count += 1 }
      thread.ask()
      for _ in 1...3 { await EventLoop.shared.sleep(for: .zero) }
      #expect(wakes.count == 0)
      next.close()
    }
  }

  @Test func itGivesItsDescriptorsBack() async throws {
    try await onLoop {
      let before = ProcessUsage.openDescriptors
      for _ in 1...50 {
        let ended = Completion<Void>()
        let thread = try SideThread(named: "side") {}
        thread.ask()
        thread.stop { EventLoop.shared.submit { ended.succeed(()) } }
        try await ended.value()
      }
      #expect(ProcessUsage.openDescriptors == before)
    }
  }
}
