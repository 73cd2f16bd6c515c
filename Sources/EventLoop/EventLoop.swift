internal import Clibuv
internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// One thread that owns all descriptors, timers and signals of a program and runs its async functions.
///
///     ┌─▶ callbacks of libuv (descriptors, timers, signals)
///     │        └─▶ jobs (tasks that may go on) ─▶ what was put off to the turn's end ─┐
///     └──────────── sleep only when neither is left ◀────────────────────────────────┘
///
/// Unchecked Sendable, because its mutable state is either protected by `inbox`' lock or used on the loop's
/// thread alone.
package final class EventLoop: SerialExecutor, TaskExecutor, @unchecked Sendable {
  package static let shared = EventLoop()

  /// A turn that runs this many jobs checks its descriptors next: jobs must not starve them.
  private static let roundsATurn = 16

  let uv: UnsafeMutablePointer<uv_loop_t>
  private let wake: UnsafeMutablePointer<uv_async_t>
  private let inbox = Mutex(Inbox())

  private var jobs = Deque<UnownedJob>()
  private var turnEnd: [@LoopActor () -> Void] = []
  private var laterTurn: [@LoopActor () -> Void] = []
  private var isStopped = false
  @LoopActor var timers = TimerQueue()
  /// 0 until somebody asks in this turn.
  private var turnNanoseconds: UInt64 = 0
  /// How long turns have been.
  @LoopActor package private(set) var turns = TurnFigures()

  private struct Inbox {
    var jobs: [UnownedJob] = []
    var work: [@Sendable @LoopActor () -> Void] = []
    var isAwake = false
    var isStarted = false
  }

  /// Read without the lock, because it is written once, before the loop's first turn.
  nonisolated(unsafe) private var thread: pthread_t?

  private init() {
    Platform.ignoreBrokenPipes()
    uv = .allocate(capacity: 1)
    wake = .allocate(capacity: 1)
    precondition(uv_loop_init(uv) == 0, "libuv cannot make a loop: out of descriptors or memory")
    timeattack_measure_idle_time(uv)
    precondition(uv_async_init(uv, wake, { _ in }) == 0, "libuv cannot make a wake-up: out of descriptors")
  }

  /// Whether the caller is on the loop's thread.
  package var isCurrent: Bool {
    guard let thread else { return false }
    return pthread_equal(thread, pthread_self()) != 0
  }

  // MARK: - Running

  /// Runs the loop on this thread until `body` has returned; its result is the program's exit code.
  package func run(_ body: @escaping @Sendable @LoopActor () async -> Int32) -> Int32 {
    enter()
    let box = ResultBox()
    Task(executorPreference: self) { @Sendable @LoopActor in
      box.code = await body()
      self.isStopped = true
    }
    turnUntilStopped()
    return LoopActor.assumeIsolated { box.code }
  }

  /// Starts the loop on a separate thread, once; for tests.
  package func startOnOwnThread() {
    let isFirst = inbox.withLock { inbox in
      defer { inbox.isStarted = true }
      return !inbox.isStarted
    }
    guard isFirst else { return }
    Platform.startThread(named: "loop") { EventLoop.shared.enterAndTurn() }
  }

  private func enterAndTurn() {
    thread = pthread_self()
    turnUntilStopped()
  }

  private func enter() {
    inbox.withLock { inbox in
      precondition(!inbox.isStarted, "the loop runs already")
      inbox.isStarted = true
    }
    thread = pthread_self()
  }

  private func turnUntilStopped() {
    LoopActor.assumeIsolated { turns.begin(at: uv_hrtime(), idle: uv_metrics_idle_time(uv)) }
    while !isStopped {
      let idle = runJobs()
      if isStopped { break }
      // Work that is deferred from here on waits until the descriptors have been checked again.
      let putOff = laterTurn
      laterTurn.removeAll()
      turnNanoseconds = 0
      LoopActor.assumeIsolated { turns.end(at: uv_hrtime(), idle: uv_metrics_idle_time(uv)) }
      uv_run(uv, idle && putOff.isEmpty ? UV_RUN_ONCE : UV_RUN_NOWAIT)
      if !putOff.isEmpty { LoopActor.assumeIsolated { for work in putOff { work() } } }
    }
  }

  /// Runs jobs and work for the turn's end until none is left (true) or the bound is reached (false).
  private func runJobs() -> Bool {
    for _ in 0..<EventLoop.roundsATurn {
      takeInbox()
      var budget = jobs.count
      while budget > 0, let job = jobs.popFirst() {
        job.runSynchronously(isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
        budget -= 1
      }
      if jobs.isEmpty, !turnEnd.isEmpty { runTurnEnd() }
      if jobs.isEmpty, turnEnd.isEmpty, settle() { return true }
    }
    return false
  }

  private func runTurnEnd() {
    let work = turnEnd
    turnEnd = []
    turnEnd.reserveCapacity(work.count)
    turnNanoseconds = 0
    LoopActor.assumeIsolated { for item in work { item() } }
  }

  private func takeInbox() {
    let (newJobs, work) = inbox.withLock { inbox in
      inbox.isAwake = true
      defer {
        inbox.jobs.removeAll(keepingCapacity: true)
        inbox.work.removeAll(keepingCapacity: true)
      }
      return (inbox.jobs, inbox.work)
    }
    for job in newJobs { jobs.append(job) }
    if !work.isEmpty { LoopActor.assumeIsolated { for item in work { item() } } }
  }

  /// Announces that the loop may sleep, so that the next arrival wakes it; false if something has arrived
  /// meanwhile.
  private func settle() -> Bool {
    inbox.withLock { inbox in
      guard inbox.jobs.isEmpty, inbox.work.isEmpty else { return false }
      inbox.isAwake = false
      return true
    }
  }

  /// The time, read once a turn (and once more before its end): for what happens many times in one. Work that takes
  /// milliseconds calls `rereadTime` in between.
  @LoopActor package var turnTime: Instant {
    if turnNanoseconds == 0 { turnNanoseconds = Instant.now.nanoseconds }
    return Instant(nanoseconds: turnNanoseconds)
  }

  /// The next `turnTime` is a new one.
  @LoopActor package func rereadTime() { turnNanoseconds = 0 }

  /// Whether a task that may go on waits for its turn: for a simulation, which moves its time on when none does.
  @LoopActor package var hasJobs: Bool { !jobs.isEmpty }

  // MARK: - Executor

  package func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    if isCurrent {
      jobs.append(job)
    } else {
      arrive { $0.jobs.append(job) }
    }
  }

  package func checkIsolated() { precondition(isCurrent, "not on the loop's thread") }
  package func isIsolatingCurrentContext() -> Bool? { isCurrent }

  private func arrive(_ put: (inout Inbox) -> Void) {
    let mustWake = inbox.withLock { inbox in
      put(&inbox)
      defer { inbox.isAwake = true }
      return !inbox.isAwake
    }
    if mustWake { uv_async_send(wake) }
  }

  // MARK: - Work

  /// Runs `work` on the loop soon, called from any thread; all work queued in the meantime shares one
  /// wake-up.
  package nonisolated func submit(_ work: @escaping @Sendable @LoopActor () -> Void) {
    arrive { $0.work.append(work) }
  }

  /// Runs `work` once, after this turn's jobs: the place to send what the turn has collected.
  @LoopActor package func atTurnEnd(_ work: @escaping @LoopActor () -> Void) { turnEnd.append(work) }

  /// Runs `work` once, after the loop has checked all descriptors and timers again: for splitting long work
  /// without delaying others.
  @LoopActor package func atNextTurn(_ work: @escaping @LoopActor () -> Void) { laterTurn.append(work) }

  /// Starts a task that stays on the loop.
  @discardableResult
  @LoopActor package func spawn(_ body: @escaping @Sendable @LoopActor () async -> Void) -> Task<Void, Never>
  {
    Task(executorPreference: self) { @Sendable @LoopActor in await body() }
  }
}

/// How long the loop's turns have been: from when it learned what is ready until it was free to look again. Whoever arrives
/// meanwhile waits.
package struct TurnFigures: Hashable, Sendable {
  /// A turn longer than this is counted.
  package static let longMilliseconds = 10

  private var began: UInt64 = 0
  private var idleBefore: UInt64 = 0
  private var longest: UInt64 = 0
  /// Turns since the start that were longer.
  package private(set) var long: UInt64 = 0

  /// Since the start.
  package var longestMilliseconds: Double { Double(longest) / 1_000_000 }

  /// - Parameter idle: how long the loop has slept in all.
  mutating func begin(at now: UInt64, idle: UInt64) { (began, idleBefore) = (now, idle) }

  mutating func end(at now: UInt64, idle: UInt64) {
    let length = now &- began &- min(now &- began, idle &- idleBefore)
    if length > longest { longest = length }
    if length > UInt64(TurnFigures.longMilliseconds) * 1_000_000 { long += 1 }
    begin(at: now, idle: idle)
  }
}

@LoopActor private final class ResultBox {
  var code: Int32 = 1
  nonisolated init() {}
}

extension EventLoop {
  /// The version of libuv, as `1.44.2`.
  package static var libraryVersion: String { String(cString: uv_version_string()) }
}
