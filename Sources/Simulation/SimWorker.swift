import CouponDomain
import CouponLog
import CouponStore
import CouponWorker
import EventLoop
import Kafka
import Operations
import Programs

/// A worker process: the product's `LogWorker` and `BatchWriter` over a simulated group and database.
@LoopActor
final class SimWorker {
  let number: Int
  private unowned let world: World
  private(set) var life: Life?
  private(set) var group: SimGroup?
  private var worker: LogWorker?
  private var store: SimStore?
  var commitWasUnknown = false
  /// What the log looks like to it; another than the real one where it has to refuse.
  private let shown: SimQuestions.Shown
  /// Why it ended by itself.
  private(set) var failure: String?

  init(_ number: Int, _ world: World, shown: SimQuestions.Shown = .real) {
    (self.number, self.world, self.shown) = (number, world, shown)
  }

  var name: String { "worker \(number + 1)" }
  var isUp: Bool { life?.isAlive == true }
  var isReading: Bool { worker?.isAssigned == true }

  func start() {
    guard !isUp, failure == nil else { return }
    let life = Life(world, answersPeople: false)
    self.life = life
    let clock = LoopClock(life)
    let store = SimStore(self, life, clock, world)
    self.store = store
    let context = ProgramContext(
      log: Log(program: name, level: .error, output: LogOutput(maximumPending: 0)), metrics: Metrics())
    let writer = BatchWriter(
      store, topic: "log", empty: World.ledger, decides: world.mutant?.strategy == nil, clock: clock,
      fold: Mutations.fold(store, world))
    let worker = LogWorker(
      topic: "log", partitions: SimKafka.partitions, writers: SimKafka.partitions,
      tables: Mutations.tables(writer, world),
      ports: WorkerPorts(
        clock: clock,
        group: { [unowned self, unowned world] onRebalance, _ in
          let group = SimGroup(self, life, world, onRebalance)
          self.group = group
          return group
        }, questions: { [shown, unowned world] in SimQuestions(life, world, shown) }, offsets: store),
      context: context,
      onFailure: { [unowned self] reason in self.failed(reason) })
    self.worker = worker
    world.tell("\(name) starts")
    life.whenEnded { EventLoop.shared.spawn { await worker.stop(deadline: World.never) } }
    do { try worker.start() } catch { world.checker.fail("\(name) does not start: \(error)") }
  }

  private func failed(_ reason: String) {
    failure = reason
    world.tell("\(name) ends: \(reason)")
    if shown == .real { world.checker.fail("the worker stopped: \(reason)") }
    crash()
  }

  func crash() {
    guard let life, life.isAlive else { return }
    world.tell("\(name) dies")
    life.end()
    world.coordinator.left(self)
  }

  func forget() { (worker, group, store, life) = (nil, nil, nil, nil) }

  func stop() {
    guard let life, life.isAlive else { return }
    world.tell("\(name) is stopped")
    life.stop()
    world.coordinator.silent(self)
  }

  func goOn() {
    guard let life, life.isAlive, life.isStopped else { return }
    world.tell("\(name) goes on")
    life.goOn()
    world.coordinator.heard(self)
  }

  func heal() {
    goOn()
    start()
  }

  /// A moment at which the process may die.
  func passCrashPoint(afterCommit: Bool = false) {
    guard isUp, world.dice.chance(world.weather.workerDies) else { return }
    if afterCommit { world.race(.r11) }
    crash()
    world.schedule.after(world.dice.within(50...2_000)) { if !self.world.isHealed { self.start() } }
  }

  /// Partitions of its own are taken away.
  func loses() { if let store, store.open > 1 { world.race(.takenFromTwo) } }

  func committed(_ batch: CommittedBatch) {
    world.tell("\(name) commits partition \(batch.partition) up to \(batch.next)")
    if batch.record.deadLetters.first?.offset == batch.next - 1 || batch.record.deadLetters.count > 0 {
      world.race(.r14)
    }
  }
}

/// One worker's membership in the group.
@LoopActor
final class SimGroup: LogGroup {
  private unowned let worker: SimWorker
  private unowned let world: World
  private let life: Life
  private let onRebalance: @LoopActor (KafkaRebalance) -> Void
  private(set) var partitions: Set<Int32> = []
  /// The offset after the last message of each partition that was taken.
  private(set) var positions: [Int32: Int64] = [:]
  private var waiter: Completion<[KafkaMessage]>?
  private var isPaused = false
  private var isPolling = false
  /// Of the mutant that keeps what was read ahead when it reads from elsewhere.
  private var stale: [KafkaMessage] = []

  init(
    _ worker: SimWorker, _ life: Life, _ world: World,
    _ onRebalance: @escaping @LoopActor (KafkaRebalance) -> Void
  ) {
    (self.worker, self.life, self.world, self.onRebalance) = (worker, life, world, onRebalance)
    life.whenEnded { [weak self] in self?.waiter?.succeed([]) }
  }

  func start() { world.coordinator.joined(worker) }

  func give(_ new: Set<Int32>, lost: Bool) {
    life.run {
      if !self.partitions.isEmpty {
        self.worker.loses()
        self.onRebalance(.revoked(self.partitions.sorted(), lost: lost))
      }
      (self.partitions, self.positions) = (new, [:])
      if !new.isEmpty { self.onRebalance(.assigned(new.sorted())) }
    }
  }

  func assign(from offsets: [Int32: Int64]) {
    for (partition, offset) in offsets where partitions.contains(partition) { positions[partition] = offset }
    wake()
  }

  func next(atMost limit: Int, bytes: Int) async -> [KafkaMessage] {
    guard life.isAlive else {
      // Comes back when the process' tasks are ended.
      await LoopClock(life).sleep(for: .zero)
      return []
    }
    let waiter = Completion<[KafkaMessage]>()
    self.waiter = waiter
    wake()
    let messages = (try? await waiter.value()) ?? []
    if world.mutant == .automaticOffsets {
      for message in messages { world.kafka.groupOffsets[Int(message.partition)] = message.offset + 1 }
    }
    return messages
  }

  func wake() {
    guard !isPolling, waiter != nil, life.isAlive else { return }
    isPolling = true
    // A reader that is behind comes again at once.
    life.later(world.dice.within(1...(world.dice.chance(50) ? 3 : 30))) { self.poll() }
  }

  private func poll() {
    isPolling = false
    guard let waiter, !isPaused else { return }
    var taken = stale
    stale = []
    for (partition, offset) in positions.sorted(by: { $0.key < $1.key }) {
      let messages = world.kafka.read(Int(partition), from: offset, atMost: world.dice.within(1...9))
      taken += messages
      positions[partition] = offset + Int64(messages.count)
    }
    guard !taken.isEmpty else { return }
    self.waiter = nil
    waiter.succeed(taken)
  }

  func pause() { isPaused = true }

  func resume() {
    isPaused = false
    wake()
  }

  func seek(_ partition: Int32, to offset: Int64) {
    guard world.mutant != .seekForgotten else { return }
    if offset > positions[partition] ?? 0 || positions[partition] == nil {
    } else if !worker.commitWasUnknown, life.wasStopped {
      world.race(.r11Zombie)
    }
    worker.commitWasUnknown = false
    if positions[partition] != nil { positions[partition] = offset }
    if world.mutant == .aheadIsKept { stale = world.kafka.read(Int(partition), from: offset + 1, atMost: 3) }
    wake()
  }

  func commit(_ offsets: [Int32: Int64]) -> Completion<Void> {
    let done = Completion<Void>()
    life.later(world.dice.within(1...40)) {
      for (partition, offset) in offsets {
        self.world.kafka.groupOffsets[Int(partition)] = offset
        self.world.checker.committedToGroup(offset, Int(partition))
      }
      done.succeed(())
    }
    return done
  }

  func close(deadline: Instant) async { waiter?.succeed([]) }
}

/// The group's coordinator: who reads which partition, decided anew whenever somebody comes, leaves or is silent.
@LoopActor
final class SimCoordinator {
  private unowned let world: World
  private var members: [SimWorker] = []
  private var plans = 0
  private static let session = 300

  init(_ world: World) { self.world = world }

  func joined(_ worker: SimWorker) {
    members.removeAll { $0 === worker }
    members.append(worker)
    plan(lost: nil)
  }

  func left(_ worker: SimWorker) {
    guard members.contains(where: { $0 === worker }) else { return }
    world.schedule.after(SimCoordinator.session) {
      guard !worker.isUp else { return }
      self.members.removeAll { $0 === worker }
      self.plan(lost: nil)
    }
  }

  /// A member that is stopped loses its partitions after a while, and learns of it when it goes on.
  func silent(_ worker: SimWorker) {
    world.schedule.after(SimCoordinator.session) {
      guard worker.life?.isStopped == true else { return }
      self.members.removeAll { $0 === worker }
      self.plan(lost: worker)
    }
  }

  func heard(_ worker: SimWorker) {
    if !members.contains(where: { $0 === worker }) { joined(worker) }
  }

  private func plan(lost: SimWorker?) {
    lost?.group?.give([], lost: true)
    plans += 1
    let plan = plans
    for (index, member) in members.enumerated() {
      let mine = (0..<SimKafka.partitions).filter { $0 % members.count == index }.map { Int32($0) }
      // Not what an older plan said.
      world.schedule.after(world.dice.within(1...40)) {
        if plan == self.plans { member.group?.give(Set(mine), lost: false) }
      }
    }
  }
}
