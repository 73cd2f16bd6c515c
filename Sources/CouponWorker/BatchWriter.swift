import CouponLog
import CouponDomain
package import CouponStore
package import EventLoop
package import Kafka
package import Postgres

/// Applies one batch in one transaction: lock the offset, load, fold, write, commit.
@LoopActor
package final class BatchWriter: BatchTables {
  private let store: any BatchStore
  private let topic: String
  private let empty: LogLedger
  /// False where Redis has decided, and the claims are only to be inserted.
  private let decides: Bool
  private let fold: BatchFold
  private var memories: [Int: PartitionMemory] = [:]
  private var cursors: [Int: PartitionCursor] = [:]

  static let patience = Duration.seconds(10)

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

  package func apply(_ batch: WorkerBatch, _ messages: [KafkaMessage]) async throws -> BatchOutcome {
    // Nothing is remembered of a transaction whose end is not known.
    let memory = memories.removeValue(forKey: batch.partition)
    let (outcome, policies) = try await store.transaction(deadline: clock.now + BatchWriter.patience) {
      transaction in
      try await self.apply(batch, messages, memory, in: transaction)
    }
    if case .applied(let result) = outcome {
      memories[batch.partition] = PartitionMemory(next: result.next, policies: policies)
    }
    return outcome
  }

  package func begin(_ partitions: [Int32]) {
    for partition in partitions {
      memories[Int(partition)] = nil
      cursors[Int(partition)] = nil
    }
  }

  /// - Returns: also every policy of the partition that is known after it.
  private func apply(
    _ batch: WorkerBatch, _ messages: [KafkaMessage], _ memory: PartitionMemory?,
    in transaction: any BatchTransaction
  ) async throws -> (BatchOutcome, [PolicyID: Policy]) {
    let partition = Int32(batch.partition)
    var policies = memory?.policies ?? [:]
    var unknown = BatchNeeds.unknownPolicies(batch, policies: policies)
    var (stored, found) = try await transaction.lock(partition, policies: unknown)
    var cursor = cursors[batch.partition] ?? PartitionCursor()
    let step = cursor.step(first: batch.first, stored: stored.nextOffset)
    cursors[batch.partition] = cursor
    switch step {
    case .apply: break
    case .seek(let offset): return (.seek(offset), [:])
    case .stop(let problem): return (.stop(problem), [:])
    }
    if let memory, memory.next != stored.nextOffset {
      // Somebody else has written, or the database went back in time: what it had may be gone.
      policies = [:]
      unknown = BatchNeeds.unknownPolicies(batch, policies: policies)
      found = try await transaction.policies(unknown)
    }
    for policy in found { policies[policy.id] = policy }
    let result = fold(batch, try await load(for: batch, policies, in: transaction), decides)
    for (_, created) in result.policies { policies[created.policy.id] = created.policy }
    let firstHash = batch.first == 0 ? messages.first.map(\.firstHash) : nil
    let record = result.record(of: batch, messages, topic: topic, policies: policies)
    try await transaction.commit(
      CommittedBatch(
        partition: partition, record: record, decides: decides, next: result.next, firstHash: firstHash))
    return (.applied(result), policies)
  }

  /// The ledger that the batch is folded over.
  private func load(
    for batch: WorkerBatch, _ policies: [PolicyID: Policy], in transaction: any BatchTransaction
  ) async throws -> LogLedger {
    let needs = BatchNeeds(batch, policies: policies)
    var coupons: [Coupon] = []
    var counters: [(day: PolicyDay, issued: Int)] = []
    if !needs.people.isEmpty {
      (counters, coupons) = try await transaction.counters(
        needs.days, coupons: decides ? needs.people : [])
    }
    if let missing = needs.missing(from: counters.map(\.day), policies: policies) { throw missing }
    return empty.seeded(
      policies: needs.policies(of: policies), coupons: coupons, counters: decides ? counters : [])
  }
}

/// What a writer knows of a partition: true as long as the database stands where the writer left it.
private struct PartitionMemory {
  let next: Int64
  /// Policies never change.
  let policies: [PolicyID: Policy]
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
