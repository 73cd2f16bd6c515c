internal import Clibuv

/// Work that runs once at a set time, unless it is cancelled before.
@LoopActor
package final class LoopTimer {
  fileprivate var work: (@LoopActor () -> Void)?
  /// Nil for a timer of a `VirtualTime`.
  private let loop: EventLoop?

  fileprivate init(loop: EventLoop, work: @escaping @LoopActor () -> Void) {
    (self.loop, self.work) = (loop, work)
  }

  /// A timer that somebody else fires.
  init(work: @escaping @LoopActor () -> Void) { (loop, self.work) = (nil, work) }

  package var isPending: Bool { work != nil }

  /// Cancels `work`; does nothing if it has run.
  package func cancel() {
    guard work != nil else { return }
    work = nil
    loop?.timers.noteCancelled()
  }

  /// Runs the work of a timer of a `VirtualTime`, once.
  package func fire() {
    guard let work else { return }
    self.work = nil
    work()
  }
}

extension EventLoop {
  /// Runs `work` at `time`, or in the next turn if that has passed. Accurate to a millisecond, never early.
  @discardableResult
  @LoopActor package func schedule(at time: Instant, _ work: @escaping @LoopActor () -> Void) -> LoopTimer {
    let timer = LoopTimer(loop: self, work: work)
    timers.insert(timer, at: time)
    timers.arm(on: self)
    return timer
  }

  @discardableResult
  @LoopActor package func schedule(after wait: Duration, _ work: @escaping @LoopActor () -> Void) -> LoopTimer
  {
    schedule(at: .now + wait, work)
  }

  /// Waits until `time`; cancelling the task does not shorten it.
  @LoopActor package func sleep(until time: Instant) async {
    await withUnsafeContinuation { continuation in
      schedule(at: time) { continuation.resume() }
    }
  }

  @LoopActor package func sleep(for wait: Duration) async { await sleep(until: .now + wait) }
}

/// All timers of the loop in a binary heap behind one handle of libuv. A cancelled timer stays until it is due
/// or until half of the heap is cancelled.
@LoopActor
struct TimerQueue {
  private struct Entry {
    let due: Instant
    let timer: LoopTimer
  }

  private var heap: [Entry] = []
  private var cancelled = 0
  private var handle: UnsafeMutablePointer<uv_timer_t>?
  private var armedFor: Instant?

  nonisolated init() {}

  mutating func insert(_ timer: LoopTimer, at due: Instant) {
    heap.append(Entry(due: due, timer: timer))
    siftUp(heap.count - 1)
  }

  mutating func noteCancelled() {
    cancelled += 1
    guard cancelled > 1024, cancelled > heap.count / 2 else { return }
    heap = heap.filter { $0.timer.work != nil }
    heap.sort { $0.due < $1.due }
    cancelled = 0
  }

  /// Sets libuv's only timer to the earliest time in the heap.
  mutating func arm(on loop: EventLoop) {
    guard let next = heap.first?.due else { return }
    if let armedFor, armedFor <= next { return }
    armedFor = next
    let handle = handle ?? makeHandle(loop)
    uv_update_time(loop.uv)
    let wait = (next - .now).nanoseconds
    uv_timer_start(
      handle, { _ in LoopActor.assumeIsolated { EventLoop.shared.fireTimers() } },
      wait <= 0 ? 0 : UInt64((wait + 999_999) / 1_000_000), 0)
  }

  /// Removes and returns the work due at `now`, earliest first; the caller runs it.
  mutating func takeDue(_ now: Instant) -> [@LoopActor () -> Void] {
    armedFor = nil
    var due: [@LoopActor () -> Void] = []
    while let first = heap.first, first.due <= now || first.timer.work == nil {
      removeFirst()
      if let work = first.timer.work {
        first.timer.work = nil
        due.append(work)
      } else {
        cancelled = max(0, cancelled - 1)
      }
    }
    return due
  }

  private mutating func makeHandle(_ loop: EventLoop) -> UnsafeMutablePointer<uv_timer_t> {
    let made = UnsafeMutablePointer<uv_timer_t>.allocate(capacity: 1)
    uv_timer_init(loop.uv, made)
    handle = made
    return made
  }

  private mutating func removeFirst() {
    heap[0] = heap[heap.count - 1]
    heap.removeLast()
    siftDown(0)
  }

  private mutating func siftUp(_ start: Int) {
    var child = start
    while child > 0, heap[child].due < heap[(child - 1) / 2].due {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  private mutating func siftDown(_ start: Int) {
    var parent = start
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2]
      where child < heap.count && heap[child].due < heap[least].due {
        least = child
      }
      if least == parent { return }
      heap.swapAt(parent, least)
      parent = least
    }
  }
}

extension EventLoop {
  @LoopActor fileprivate func fireTimers() {
    for work in timers.takeDue(.now) { work() }
    timers.arm(on: self)
    // Timers that are already due fire before the turn polls: it must not sleep while the jobs that they
    // enqueued wait.
    uv_stop(uv)
  }
}
