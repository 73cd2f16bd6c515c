import CouponLog
import CouponDomain
package import CouponStore
package import EventLoop
import Kafka
package import Postgres

/// Applies one batch in one transaction: lock the offset, load, fold, write, commit. While it commits, the batch behind it
/// is folded:
///
///     batch n     lock, load n and n+1 ─▶ fold n ─▶ write and commit n ───────────▶ lock, load n+2 ─▶ write and commit n+1 …
///     batch n+1                                     └ fold n+1 over n, write its values ┘
///
/// What n+1 was folded over is n as it was written, and what the tables had under the lock of n's transaction: what they
/// have once n has committed. It is kept only where that commit was answered, and used only by a transaction that finds the
/// tables where n left them.
///
/// Nearly every claim in a log is somebody's first, because Redis stands before it. So a batch is folded as if nobody in it
/// held a coupon but of the batch before, and the primary key of `coupon` checks that: where somebody does, the INSERT
/// violates it, nothing is written, and the batch is folded again over what everybody in it holds. A violation then is what
/// it always is: two rules differ. (Whom the quota refuses holds nothing new either way.)
///
/// Batches of different partitions may be applied at once, each in a transaction of its own; what is known of a partition is
/// of no other. Those of one partition are applied one after the other.
@LoopActor
package final class BatchWriter: BatchTables {
  private let store: any BatchStore
  private let topic: String
  private let empty: LogLedger
  /// False where Redis has decided, and the claims are only to be inserted.
  private let decides: Bool
  private let fold: BatchFold
  private var memories: [Int: PartitionMemory] = [:]
  /// Grows with each change of the partitions: nothing is remembered of a batch that was under way meanwhile.
  private var assignment = 0
  private var cursors: [Int: PartitionCursor] = [:]

  /// So many batches of a partition look up who holds a coupon before the next one is taken to have new people alone.
  private var batchesToLookUp: [Int: Int] = [:]

  static let patience = Duration.seconds(10)
  /// Where one person comes twice, others do: a batch that has to be folded again is written twice.
  private static let lookUpsAfterADuplicate = 64

  private let clock: LoopClock

  package init(
    _ store: any BatchStore, topic: String, empty: LogLedger, decides: Bool, clock: LoopClock,
    fold: @escaping BatchFold
  ) {
    (self.store, self.topic, self.empty) = (store, topic, empty)
    (self.decides, self.clock, self.fold) = (decides, clock, fold)
  }

  package convenience init(
    _ pool: PostgresPool, topic: String, empty: LogLedger, decides: Bool, fold: @escaping BatchFold
  ) {
    self.init(
      PostgresBatchStore(pool, topic: topic), topic: topic, empty: empty, decides: decides, clock: .real,
      fold: fold)
  }

  package func apply(
    _ read: ReadBatch, following: @LoopActor () -> ReadBatch?
  ) async throws -> BatchOutcome {
    let partition = read.batch.partition
    // Nothing is remembered of a transaction whose end is not known, nor what was folded over it.
    let memory = memories.removeValue(forKey: partition)
    let looksUp = batchesToLookUp[partition] != nil
    do { return try await attempt(read, following, memory, looksUp: looksUp) } catch let error
      as PostgresError
      where error.isUniqueViolation && decides
    {
      // Somebody in it may hold a coupon that nobody has looked up. If that is not it, the second violation says so.
      batchesToLookUp[partition] = BatchWriter.lookUpsAfterADuplicate
      return try await attempt(read, following, nil, looksUp: true)
    }
  }

  private func attempt(
    _ read: ReadBatch, _ following: @LoopActor () -> ReadBatch?, _ memory: PartitionMemory?, looksUp: Bool
  ) async throws -> BatchOutcome {
    let (assignment, partition) = (assignment, read.batch.partition)
    let (outcome, next) = try await store.transaction(deadline: clock.now + BatchWriter.patience) {
      transaction in
      try await self.apply(read, following, memory, looksUp: looksUp, in: transaction)
    }
    if case .applied = outcome, let rest = batchesToLookUp[partition] {
      batchesToLookUp[partition] = rest > 1 ? rest - 1 : nil
    }
    if assignment == self.assignment { memories[partition] = next }
    return outcome
  }

  package func begin(_ partitions: [Int32]) {
    end(partitions)
    for partition in partitions { cursors[Int(partition)] = nil }
  }

  package func end(_ partitions: [Int32]) {
    assignment += 1
    for partition in partitions {
      memories[Int(partition)] = nil
      batchesToLookUp[Int(partition)] = nil
    }
  }

  /// Of how many partitions something is remembered.
  package var remembered: Int { memories.count }

  /// - Returns: also what is known of the partition after it.
  private func apply(
    _ read: ReadBatch, _ following: @LoopActor () -> ReadBatch?, _ memory: PartitionMemory?, looksUp: Bool,
    in transaction: any BatchTransaction
  ) async throws -> (BatchOutcome, PartitionMemory?) {
    let batch = read.batch
    // Where the tables stand elsewhere, somebody else has written, or they went back in time: what they had may be gone.
    let memory = memory?.next == batch.first ? memory : nil
    var policies = memory?.policies ?? [:]
    var folded = memory?.ahead.flatMap { $0.read === read ? $0 : nil }
    var next = folded.flatMap { NextFold(following(), after: $0.policies, looksUp) }
    var question = next?.question() ?? BatchQuestion()
    if folded == nil { question.policies = BatchNeeds.unknownPolicies(batch, policies: policies) }
    var (stored, answer) = try await transaction.lock(Int32(batch.partition), question)
    switch step(batch, stored) {
    case .apply: break
    case .seek(let offset): return (.seek(offset), nil)
    case .stop(let problem): return (.stop(problem), nil)
    }
    if folded == nil {
      for policy in answer.policies { policies[policy.id] = policy }
      let own = NextFold(read, needs: BatchNeeds(batch, policies: policies, withPeople: looksUp))
      next = NextFold(following(), after: batch.policies(after: policies), looksUp)
      question = own.question(with: next)
      answer = try await transaction.ask(question)
      if let missing = own.missing(from: answer, policies) { throw missing }
      folded = try own.fold(self, over: own.ledger(self, answer, policies), policies)
    }
    guard let folded else { preconditionFailure("a batch that was not folded") }
    if next?.missing(from: answer, policies) != nil { next = nil }
    let ahead = try await commit(folded, in: transaction, meanwhile: next, answer)
    return (
      .applied(folded.result),
      PartitionMemory(next: folded.result.next, policies: folded.policies, ahead: ahead)
    )
  }

  private func step(_ batch: WorkerBatch, _ stored: OffsetRow) -> PartitionCursor.Step {
    cursors[batch.partition, default: PartitionCursor()].step(first: batch.first, stored: stored.nextOffset)
  }

  /// - Returns: the batch behind it, folded, where this one is known to be committed.
  private func commit(
    _ folded: FoldedBatch, in transaction: any BatchTransaction, meanwhile next: NextFold?,
    _ answer: BatchAnswer
  ) async throws -> FoldedBatch? {
    guard let next, folded.result.problem == nil else {
      try await transaction.commit(folded.committed)
      return nil
    }
    // It begins when this task waits for the answer to what it has sent.
    let ahead = AheadFold {
      let ledger = next.ledger(self, answer, folded.policies).after(folded.result)
      return try next.fold(self, over: ledger, folded.policies)
    }
    let folding = EventLoop.shared.spawn { ahead.run() }
    do { try await transaction.commit(folded.committed) } catch {
      await folding.value
      throw error
    }
    await folding.value
    return ahead.folded
  }
}

/// A fold that happens while something else is waited for.
@LoopActor
private final class AheadFold {
  private let work: () throws -> FoldedBatch
  private(set) var folded: FoldedBatch?

  init(_ work: @escaping () throws -> FoldedBatch) { self.work = work }

  /// What fails ahead fails again in the turn of the batch, and is told there.
  func run() { folded = try? work() }
}

/// What a writer knows of a partition: true as long as the database stands where the writer left it.
private struct PartitionMemory {
  let next: Int64
  /// Policies never change.
  let policies: [PolicyID: Policy]
  /// The batch that begins at `next`.
  let ahead: FoldedBatch?
}

/// A batch with what it writes. Nobody but its own transaction may see any of it.
private struct FoldedBatch {
  let read: ReadBatch
  let result: BatchResult
  /// Every policy of the partition that is known after it.
  let policies: [PolicyID: Policy]
  let committed: CommittedBatch
}

/// A batch that is to be folded, and what it asks the tables for.
@LoopActor
private struct NextFold {
  let read: ReadBatch
  let needs: BatchNeeds

  init(_ read: ReadBatch, needs: BatchNeeds) { (self.read, self.needs) = (read, needs) }

  /// Nil where there is no batch, or it speaks of policies that have to be looked up first.
  init?(_ read: ReadBatch?, after policies: [PolicyID: Policy], _ looksUp: Bool) {
    guard let read, BatchNeeds.unknownPolicies(read.batch, policies: policies).isEmpty else { return nil }
    self.init(read, needs: BatchNeeds(read.batch, policies: policies, withPeople: looksUp))
  }

  func question(with other: NextFold? = nil) -> BatchQuestion {
    var question = BatchQuestion()
    (question.days, question.people) = (needs.days, needs.people)
    guard let other else { return question }
    question.days.formUnion(other.needs.days)
    question.people.formUnion(other.needs.people)
    return question
  }

  /// - Parameter policies: those that the tables have.
  func missing(from answer: BatchAnswer, _ policies: [PolicyID: Policy]) -> MissingCounter? {
    needs.missing(from: answer.counters.map(\.day), policies: policies)
  }

  /// The ledger that the batch is folded over.
  func ledger(_ writer: BatchWriter, _ answer: BatchAnswer, _ policies: [PolicyID: Policy]) -> LogLedger {
    writer.ledger(needs.policies(of: policies), answer, needs)
  }

  func fold(
    _ writer: BatchWriter, over ledger: LogLedger, _ policies: [PolicyID: Policy]
  ) throws -> FoldedBatch { try writer.folded(read, over: ledger, policies) }
}

extension BatchWriter {
  /// With room for the claims of the batch, and for as many of the one before.
  fileprivate func ledger(
    _ policies: [Policy], _ answer: BatchAnswer, _ needs: BatchNeeds
  ) -> LogLedger {
    empty.expecting { 2 * needs.claims(of: $0) }.seeded(
      policies: policies, coupons: answer.coupons, counters: decides ? answer.counters : [])
  }

  fileprivate func folded(
    _ read: ReadBatch, over ledger: LogLedger, _ policies: [PolicyID: Policy]
  ) throws -> FoldedBatch {
    let (batch, messages) = (read.batch, read.messages)
    var policies = policies
    let result = try fold(batch, ledger, decides)
    for (_, created) in result.policies { policies[created.policy.id] = created.policy }
    let committed = CommittedBatch(
      partition: Int32(batch.partition),
      record: result.record(of: batch, messages, topic: topic, policies: policies), decides: decides,
      next: result.next, firstHash: batch.first == 0 ? messages.first.map(\.firstHash) : nil)
    return FoldedBatch(read: read, result: result, policies: policies, committed: committed)
  }
}

extension BatchResult {
  /// What the database has to write for it.
  fileprivate func record(
    of batch: WorkerBatch, _ messages: [KafkaMessage], topic: String, policies: [PolicyID: Policy]
  ) -> BatchRecord {
    var record = BatchRecord(topic: topic, partition: Int32(batch.partition))
    for (index, created) in self.policies {
      record.add(created, payload: messages[index].value)
    }
    for issued in issued {
      let claim = issued.coupon.claim
      guard let policy = policies[claim.policyID] else { preconditionFailure("a coupon without policy") }
      record.add(issued.coupon, of: policy, issued: issued.count, payload: messages[issued.index].value)
    }
    for (index, reason) in deadLetters {
      record.add(deadLetter: reason, offset: batch.first + Int64(index), payload: messages[index].value)
    }
    return record
  }
}
