import EventLoop

/// One run of a process: its time, which stands still while the process is stopped and ends with it.
///
/// When it has ended nothing that its program still does has an effect, and whatever it waits for comes at once, so
/// that its tasks end too.
@LoopActor
final class Life: VirtualTime {
  private unowned let world: World
  private(set) var isAlive = true
  private(set) var isStopped = false
  /// Whether it was ever stopped: then deadlines may have passed unseen.
  private(set) var wasStopped = false
  private var backlog: [@LoopActor () -> Void] = []
  private var timers: [LoopTimer] = []
  private var due: [ObjectIdentifier: Int] = [:]
  private var atEnd: [@LoopActor () -> Void] = []

  /// Whether people wait for this process' deadlines.
  private let answersPeople: Bool

  init(_ world: World, answersPeople: Bool) { (self.world, self.answersPeople) = (world, answersPeople) }

  var now: Instant { isAlive ? world.instant : World.never }

  func add(_ timer: LoopTimer, at time: Instant) {
    timers.append(timer)
    guard isAlive else { return world.bury(self) }
    if timers.count > 512 { timers.removeAll { !$0.isPending } }
    let moment = world.milliseconds(of: time)
    world.schedule.at(answersPeople ? world.mutated(moment, timers: timers) : moment) {
      if timer.isPending { self.run { timer.fire() } }
    }
  }

  /// Runs `action` in this process: never if it has ended, and when it goes on if it is stopped.
  func run(_ action: @escaping @LoopActor () -> Void) {
    guard isAlive else { return }
    if isStopped { backlog.append(action) } else { action() }
  }

  func later(_ milliseconds: Int, _ action: @escaping @LoopActor () -> Void) {
    world.schedule.after(milliseconds) { self.run(action) }
  }

  /// What the end of the process does to what it waits for.
  func whenEnded(_ work: @escaping @LoopActor () -> Void) { atEnd.append(work) }

  func stop() {
    guard isAlive else { return }
    (isStopped, wasStopped) = (true, true)
  }

  func goOn() {
    guard isAlive, isStopped else { return }
    isStopped = false
    let actions = backlog
    backlog = []
    // Each may stop the process again, or end it.
    for action in actions { run(action) }
  }

  func end() {
    guard isAlive else { return }
    isAlive = false
    backlog = []
    world.bury(self)
  }

  /// Lets everything come at once that a program that has ended waits for. Called until nothing is left.
  func decay() {
    let work = atEnd
    atEnd = []
    for item in work { item() }
    let waiting = timers
    timers = []
    for timer in waiting { timer.fire() }
  }
}
