import CouponDomain
import CouponLog
import CouponStore
import CouponWorker
import EventLoop
import Postgres
import Text

/// The tables that the worker writes, with the lock on a partition's offset, and what they were at other times.
@LoopActor
final class SimDatabase {
  struct Tables {
    var offsets: [Int32: OffsetRow] = [:]
    var policies: [PolicyID: Policy] = [:]
    var coupons: [PersonPeriod: Coupon] = [:]
    var counters: [PolicyDay: Int] = [:]
    var events: Set<EventID> = []
    var deadLetters: [Int32: [Int64]] = [:]
  }

  private(set) var tables = Tables()
  private var backups: [Tables] = []
  var isDown = false
  /// Grows with each restart, which every transaction loses by.
  private(set) var era = 0
  private var locks: [Int32: Int] = [:]
  private var lastTransaction = 0

  func nextOffset(_ partition: Int) -> Int64 { tables.offsets[Int32(partition)]?.nextOffset ?? 0 }

  func newTransaction() -> Int {
    lastTransaction += 1
    return lastTransaction
  }

  /// True if the transaction has the partition's lock now.
  func lock(_ partition: Int32, by transaction: Int) -> Bool {
    if let holder = locks[partition], holder != transaction { return false }
    locks[partition] = transaction
    return true
  }

  func holdsLock(_ partition: Int32, _ transaction: Int) -> Bool { locks[partition] == transaction }

  func release(_ transaction: Int) { locks = locks.filter { $0.value != transaction } }

  // MARK: - What happens to it

  func restart() {
    era += 1
    locks = [:]
  }

  func backUp() { backups.append(tables) }

  /// Goes back to the state of a backup; false where nothing is lost by it.
  func goBack(to index: Int) -> Bool {
    guard let older = backups.isEmpty ? nil : backups[index % backups.count] else { return false }
    let loses = tables.offsets.contains { $0.value.nextOffset > older.offsets[$0.key]?.nextOffset ?? 0 }
    tables = older
    restart()
    return loses
  }

  // MARK: - Writing

  /// - Throws: a unique violation, as PostgreSQL names it.
  ///
  /// - Parameter read: what the worker has read of each partition, for the mutant that takes it for applied.
  func write(
    _ batch: CommittedBatch, mutant: Mutant?, read: [Int32: Int64]
  ) throws(PostgresError) {
    var new = tables
    for policy in batch.record.policies {
      guard new.policies[policy.id] == nil else { throw SimDatabase.violation("policy_pkey") }
      new.policies[policy.id] = policy
      for day in policy.startsOn.number...policy.endsOn.number {
        new.counters[PolicyDay(policy.id, Day(number: day))] = 0
      }
    }
    for event in batch.record.events where batch.decides {
      guard new.events.insert(event.eventID).inserted else { throw SimDatabase.violation("coupon_event") }
    }
    for (coupon, period) in batch.record.coupons {
      let claim = coupon.claim
      let key = PersonPeriod(claim.policyID, claim.userID, period)
      if new.coupons[key] != nil {
        guard batch.decides, mutant != .duplicateIsSkipped else { continue }
        throw SimDatabase.violation("coupon_pkey")
      }
      if batch.decides,
        new.coupons.values.contains(where: {
          $0.rank == coupon.rank && $0.claim.policyID == claim.policyID && $0.claim.day == claim.day
        })
      {
        throw SimDatabase.violation("coupon_rank")
      }
      new.coupons[key] = batch.decides ? coupon : Coupon(claim: claim, rank: nil)
      let day = PolicyDay(claim.policyID, claim.day)
      if !batch.decides, let count = new.counters[day] { new.counters[day] = count + 1 }
    }
    // An UPDATE: a counter that is not there stays away.
    for (day, count) in batch.record.counters where batch.decides && new.counters[day] != nil {
      new.counters[day] = count
    }
    if mutant != .deadLetterForgotten {
      new.deadLetters[batch.partition, default: []] += batch.record.deadLetters.map(\.offset)
    }
    let known = new.offsets[batch.partition]
    let next =
      switch mutant {
      case .offsetTooFar: batch.next + 1
      case .offsetForgotten: known?.nextOffset ?? 0
      default: batch.next
      }
    new.offsets[batch.partition] = OffsetRow(
      partition: batch.partition, nextOffset: next, firstHash: known?.firstHash ?? batch.firstHash)
    for (partition, offset) in read where mutant == .othersOffset && partition != batch.partition {
      guard let row = new.offsets[partition], offset > row.nextOffset else { continue }
      new.offsets[partition] = OffsetRow(
        partition: partition, nextOffset: offset, firstHash: row.firstHash)
    }
    tables = new
  }

  private static func violation(_ constraint: String) -> PostgresError {
    .server(sqlState: "23505", message: "duplicate key value violates unique constraint \"\(constraint)\"")
  }
}

/// One worker process' way to the tables.
@LoopActor
final class SimStore: BatchStore, OffsetRecords {
  private unowned let worker: SimWorker
  private unowned let world: World
  private let life: Life
  private let clock: LoopClock
  /// Of the mutant that keeps what a database had before it went back.
  fileprivate var keptPolicies: [PolicyID: Policy] = [:]
  /// Of the mutant that goes on behind a batch whose COMMIT has failed.
  fileprivate var believed: [Int32: Int64] = [:]
  /// Transactions under way.
  private(set) var open = 0
  /// Partitions whose COMMIT is on its way.
  private var committing: Set<Int32> = []
  /// Of them those whose next batch was folded meanwhile.
  private var foldedAhead: Set<Int32> = []

  init(_ worker: SimWorker, _ life: Life, _ clock: LoopClock, _ world: World) {
    (self.worker, self.life, self.clock, self.world) = (worker, life, clock, world)
  }

  /// A batch of the partition is folded.
  func folds(_ partition: Int) {
    if committing.contains(Int32(partition)) { foldedAhead.insert(Int32(partition)) }
  }

  fileprivate func begins(_ partition: Int32) {
    committing.insert(partition)
    foldedAhead.remove(partition)
    if committing.count > 1 { world.race(.together) }
  }

  fileprivate func ends(_ partition: Int32, failed: Bool) {
    if failed, foldedAhead.contains(partition) { world.race(.foldedAhead) }
    if failed, committing.count > 1 { world.race(.oneOfTwoFails) }
    committing.remove(partition)
  }

  func transaction<Value>(
    deadline: Instant, _ body: @LoopActor (any BatchTransaction) async throws -> Value
  ) async throws -> Value {
    let transaction = Transaction(self, deadline)
    open += 1
    defer {
      open -= 1
      transaction.end()
    }
    return try await body(transaction)
  }

  func read(deadline: Instant) async -> [Int32: OffsetRow]? {
    await clock.sleep(for: .milliseconds(Int64(world.dice.within(1...10))))
    guard life.isAlive, !world.database.isDown else { return nil }
    if world.mutant == .lookForgotten, worker.isReading { return nil }
    return world.database.tables.offsets
  }

  @LoopActor
  private final class Transaction: BatchTransaction {
    private let store: SimStore
    private let deadline: Instant
    private let number: Int
    private let era: Int
    private let begun: Int
    private var isOver = false
    private var world: World { store.world }
    private var database: SimDatabase { store.world.database }

    init(_ store: SimStore, _ deadline: Instant) {
      (self.store, self.deadline) = (store, deadline)
      (number, era, begun) = (
        store.world.database.newTransaction(), store.world.database.era, store.world.now
      )
    }

    func end() {
      isOver = true
      database.release(number)
    }

    /// One round trip; the process may die at it, and the connection may be gone.
    private func trip() async throws {
      await store.clock.sleep(for: .milliseconds(Int64(world.dice.within(1...12))))
      store.worker.passCrashPoint()
      // The server ends a transaction that idles too long, as a process that was stopped finds out.
      guard store.life.isAlive, !database.isDown, database.era == era, world.now - begun < 1_500 else {
        database.release(number)
        throw PostgresError.unavailable("no connection")
      }
    }

    func lock(_ partition: Int32, _ question: BatchQuestion) async throws -> (OffsetRow, BatchAnswer) {
      try await trip()
      while world.mutant != .lockForgotten, !database.lock(partition, by: number) {
        await store.clock.sleep(for: .milliseconds(20))
        guard store.life.isAlive, database.era == era, !database.isDown else {
          throw PostgresError.unavailable("no connection")
        }
        guard store.clock.now < deadline else { throw PostgresError.deadline }
      }
      var row =
        database.tables.offsets[partition]
        ?? OffsetRow(partition: partition, nextOffset: 0, firstHash: nil)
      if let next = store.believed.removeValue(forKey: partition) {
        row = OffsetRow(partition: partition, nextOffset: next, firstHash: row.firstHash)
      }
      return (row, answer(question))
    }

    func ask(_ question: BatchQuestion) async throws -> BatchAnswer {
      try await trip()
      return answer(question)
    }

    private func answer(_ question: BatchQuestion) -> BatchAnswer {
      var answer = BatchAnswer()
      for (id, policy) in database.tables.policies { store.keptPolicies[id] = policy }
      let kept = world.mutant == .policiesKept
      let known = kept ? store.keptPolicies : database.tables.policies
      answer.policies = question.policies.sorted().compactMap { known[$0] }
      let shift = world.mutant == .counterTooHigh ? 1 : world.mutant == .counterTooLow ? -1 : 0
      for day in question.days {
        if let issued = database.tables.counters[day] {
          answer.counters.append((day, world.mutant == .countersForgotten ? 0 : max(0, issued + shift)))
        } else if kept {
          answer.counters.append((day, 0))
        }
      }
      if world.mutant != .couponsForgotten {
        answer.coupons = question.people.compactMap { database.tables.coupons[$0] }
      }
      return answer
    }

    func commit(_ batch: CommittedBatch) async throws {
      store.begins(batch.partition)
      do { try await send(batch) } catch {
        store.ends(batch.partition, failed: true)
        throw error
      }
      store.ends(batch.partition, failed: false)
    }

    private func send(_ batch: CommittedBatch) async throws {
      try await trip()
      let partition = batch.partition
      guard world.mutant == .lockForgotten || database.holdsLock(partition, number) else {
        throw PostgresError.unavailable("the connection was ended by the server")
      }
      if world.dice.chance(world.weather.commitLost) {
        if world.mutant == .followingIsCommitted {
          store.believed[partition] = batch.next
          return
        }
        throw PostgresError.commitUnknown("the connection was lost")
      }
      let isUnknown = world.dice.chance(world.weather.commitUnknown)
      if isUnknown, world.dice.chance(50) {
        world.race(.r12)
        if world.mutant == .unknownIsDone { return }
        throw PostgresError.commitUnknown("no answer before the deadline")
      }
      try database.write(batch, mutant: world.mutant, read: store.worker.group?.positions ?? [:])
      store.worker.committed(batch)
      if isUnknown {
        world.race(.r12)
        store.worker.commitWasUnknown = true
        throw PostgresError.commitUnknown("no answer before the deadline")
      }
      // Between this and what the process does next it may die.
      store.worker.passCrashPoint(afterCommit: true)
    }
  }
}
