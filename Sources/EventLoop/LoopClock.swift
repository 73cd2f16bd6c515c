/// The time that a part of a program lives in: what time it is, and what happens later.
///
///     program:     .real ─▶ the loop's timers
///     simulation:  a clock per process ─▶ a `VirtualTime` that stands still while a task runs
///
/// A class without subclasses, so that asking a program for the time stays one comparison.
@LoopActor
package final class LoopClock {
  package static let real = LoopClock()

  private let virtual: (any VirtualTime)?

  private init() { virtual = nil }

  /// A clock that `time` drives.
  package init(_ time: any VirtualTime) { virtual = time }

  package var now: Instant { if let virtual { virtual.now } else { .now } }
  /// The same, read once a turn.
  package var turnTime: Instant { if let virtual { virtual.now } else { EventLoop.shared.turnTime } }

  /// Runs `work` at `time`, or soon if that has passed.
  @discardableResult
  package func schedule(at time: Instant, _ work: @escaping @LoopActor () -> Void) -> LoopTimer {
    guard let virtual else { return EventLoop.shared.schedule(at: time, work) }
    let timer = LoopTimer(work: work)
    virtual.add(timer, at: time)
    return timer
  }

  /// Runs `work` in the next turn of the loop.
  package func atNextTurn(_ work: @escaping @LoopActor () -> Void) {
    guard let virtual else { return EventLoop.shared.atNextTurn(work) }
    virtual.add(LoopTimer(work: work), at: virtual.now)
  }

  /// Waits until `time`; cancelling the task does not shorten it.
  package func sleep(until time: Instant) async {
    await withUnsafeContinuation { continuation in
      schedule(at: time) { continuation.resume() }
    }
  }

  package func sleep(for wait: Duration) async { await sleep(until: now + wait) }
}

/// A time that does not pass by itself: it moves to the next timer when everything else has come to rest.
@LoopActor
package protocol VirtualTime: AnyObject {
  var now: Instant { get }
  /// Calls `timer.fire()` at `time`, or soon if that has passed; timers of one moment in the order of their adding.
  func add(_ timer: LoopTimer, at time: Instant)
}

/// Wakes at the earliest of the moments that it was asked for: one timer, which moves forward when an earlier moment
/// is asked for while it waits for a later one.
@LoopActor
package final class Alarm {
  private let clock: LoopClock
  private let bell: Bell
  private var timer: LoopTimer?

  /// - Parameter work: runs once at the moment; the alarm is free to be set again by then.
  package init(_ clock: LoopClock, _ work: @escaping @LoopActor () -> Void) {
    self.clock = clock
    bell = Bell(work)
  }

  /// Wakes at `time`, in the next turn if that has passed, or earlier where that was asked for.
  package func wake(at time: Instant) {
    if let due = bell.due, due <= time { return }
    timer?.cancel()
    timer = nil
    bell.due = time
    if time <= clock.now {
      // A timer that was overtaken by a wake-up in the next turn must not end that one.
      clock.atNextTurn { [weak bell] in bell?.ring(time) }
    } else {
      timer = clock.schedule(at: time) { [weak bell] in bell?.ring(time) }
    }
  }

  /// What a timer reaches. It is apart from the alarm, because counting references to what is held weakly takes the long way.
  @LoopActor
  private final class Bell {
    var due: Instant?
    private let work: @LoopActor () -> Void

    init(_ work: @escaping @LoopActor () -> Void) { self.work = work }

    func ring(_ time: Instant) {
      guard due == time else { return }
      due = nil
      work()
    }
  }
}
