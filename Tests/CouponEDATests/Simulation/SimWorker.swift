import CouponLog
import CouponWorker
import CouponDomain
import CouponStore

/// A worker process around the batch machine: reads, locks, folds, commits; may die or sleep between any two of these.
final class SimWorker {
  private struct Held {
    let transaction: Int
    let partition: Int
    let batch: WorkerBatch
    let result: BatchResult
  }

  let number: Int
  private unowned let world: World
  private var isUp = false
  private var isStopped = false
  private var life = 0
  private var positions: [Int64] = []
  private var cursors: [PartitionCursor] = []
  private var isBusy: [Bool] = []
  private var policies: [PolicyID: Policy] = [:]
  private var backlog: [() -> Void] = []
  private var openTransactions: Set<Int> = []
  private var commitWasUnknown = false

  init(_ number: Int, _ world: World) { (self.number, self.world) = (number, world) }

  func start() {
    guard !isUp else { return }
    life += 1
    (isUp, isStopped, backlog, policies) = (true, false, [], [:])
    // Kafka's own offset is where reading begins; the database corrects it.
    positions = world.kafka.groupOffsets
    cursors = Array(repeating: PartitionCursor(), count: SimKafka.partitions)
    isBusy = Array(repeating: false, count: SimKafka.partitions)
    for partition in 0..<SimKafka.partitions { wake(partition) }
  }

  func crash() {
    guard isUp else { return }
    (isUp, isStopped, backlog) = (false, false, [])
    life += 1
    for transaction in openTransactions { world.database.abort(transaction) }
    openTransactions = []
  }

  func stop() { if isUp { isStopped = true } }

  func goOn() {
    guard isUp, isStopped else { return }
    isStopped = false
    let waiting = backlog
    backlog = []
    for action in waiting { action() }
  }

  func heal() {
    goOn()
    start()
    for partition in 0..<SimKafka.partitions { wake(partition) }
  }

  private func later(_ milliseconds: Int, _ action: @escaping () -> Void) {
    let life = life
    world.after(milliseconds) {
      guard self.life == life, self.isUp else { return }
      if self.isStopped { self.backlog.append(action) } else { action() }
    }
  }

  func wake(_ partition: Int) {
    guard isUp, !isBusy[partition] else { return }
    isBusy[partition] = true
    later(world.dice.within(1...30)) { self.read(partition) }
  }

  private func rest(_ partition: Int, retryAfter: Int? = nil) {
    isBusy[partition] = false
    if let retryAfter {
      isBusy[partition] = true
      later(retryAfter) { self.read(partition) }
    } else if positions[partition] < world.kafka.end(partition) {
      wake(partition)
    }
  }

  private func read(_ partition: Int) {
    let messages = world.kafka.read(partition, from: positions[partition], atMost: world.dice.within(1...9))
    guard let batch = WorkerBatch(partition: partition, messages) else { return rest(partition) }
    if case .failure(.poison)? = batch.records.first { world.race(.r14) }
    if world.mistake == .automaticOffsets {
      let next = batch.first + Int64(batch.records.count)
      positions[partition] = next
      world.kafka.groupOffsets[partition] = next
    }
    later(world.dice.within(1...15)) { self.apply(batch, partition) }
  }

  private func apply(_ batch: WorkerBatch, _ partition: Int) {
    let database = world.database
    guard let transaction = database.begin(partition) else { return rest(partition, retryAfter: 150) }
    openTransactions.insert(transaction)
    let stored = database.nextOffsets[partition]
    if world.mistake != .automaticOffsets {
      switch cursors[partition].step(first: batch.first, stored: stored) {
      case .apply: break
      case .seek(let offset):
        if batch.first < stored, !commitWasUnknown { world.race(.r11Zombie) }
        commitWasUnknown = false
        positions[partition] = offset
        database.abort(transaction)
        return rest(partition, retryAfter: 1)
      case .stop(let problem): return world.checker.fail("the worker stopped: \(problem.explanation)")
      }
    }
    for id in BatchNeeds.unknownPolicies(batch, policies: policies) { policies[id] = database.policies[id] }
    let held = Held(
      transaction: transaction, partition: partition, batch: batch, result: fold(batch))
    world.after(1_500) { database.abort(transaction) }  // idle_in_transaction_session_timeout
    later(world.dice.within(1...20)) { self.commit(held) }
  }

  private func fold(_ batch: WorkerBatch) -> BatchResult {
    let needs = BatchNeeds(batch, policies: policies)
    let folded = world.mistake == .workerByDay ? PlantedMistakes.groupedByDay(batch) : batch
    return BatchResult(
      folded,
      over: World.ledger.seeded(
        policies: policies.values, coupons: world.database.coupons(of: needs.people),
        counters: world.database.counters(of: needs.days)))
  }

  private func commit(_ held: Held) {
    let partition = held.partition
    openTransactions.remove(held.transaction)
    let isUnknown = world.dice.chance(world.weather.commitUnknown)
    if world.dice.chance(world.weather.commitLost) {
      world.database.abort(held.transaction)
      return rest(partition, retryAfter: 100)
    }
    if isUnknown, world.dice.chance(50) {
      world.race(.r12)
      world.database.abort(held.transaction)
      return rest(partition, retryAfter: 100)
    }
    do {
      try world.database.commit(
        held.transaction, partition, held.batch, held.result,
        checkingLock: world.mistake != .automaticOffsets)
    } catch {
      switch error {
      case .lostLock: return rest(partition, retryAfter: 100)
      case .unique(let what): return world.checker.fail("unique violation: \(what)")
      }
    }
    for (_, created) in held.result.policies { policies[created.policy.id] = created.policy }
    if isUnknown {
      world.race(.r12)
      commitWasUnknown = true
      return rest(partition, retryAfter: 100)
    }
    if world.dice.chance(world.weather.workerDies) {
      world.race(.r11)
      crash()
      return world.after(world.dice.within(50...2_000)) { if !self.world.isHealed { self.start() } }
    }
    positions[partition] = held.result.next
    let life = life
    world.after(world.dice.within(1...40)) {
      guard self.life == life else { return self.world.race(.r11) }
      self.world.kafka.groupOffsets[partition] = held.result.next
      self.world.checker.committedToGroup(held.result.next, partition)
    }
    rest(partition)
  }
}
