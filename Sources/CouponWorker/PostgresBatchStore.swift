import CouponDomain
import CouponStore
import EventLoop
import Postgres

/// `BatchStore` in SQL, in as few round trips as it can be.
@LoopActor
final class PostgresBatchStore: BatchStore {
  private let pool: PostgresPool
  private let topic: String

  init(_ pool: PostgresPool, topic: String) { (self.pool, self.topic) = (pool, topic) }

  func transaction<Value>(
    deadline: Instant, _ body: @LoopActor (any BatchTransaction) async throws -> Value
  ) async throws -> Value {
    try await pool.transaction(deadline: deadline) { try await body(Transaction($0, topic)) }
  }

  @LoopActor
  private final class Transaction: BatchTransaction {
    private let transaction: PostgresTransaction
    private let topic: String

    init(_ transaction: PostgresTransaction, _ topic: String) {
      (self.transaction, self.topic) = (transaction, topic)
    }

    func lock(_ partition: Int32, policies: Set<PolicyID>) async throws -> (OffsetRow, [Policy]) {
      let rows = try await transaction.run(
        OffsetSQL.lock(topic: topic, partition: partition)
          + (policies.isEmpty ? [] : [BatchSQL.policies(policies)]))
      return (
        try OffsetSQL.read(rows[1]), policies.isEmpty ? [] : try BatchSQL.readPolicies(rows[2])
      )
    }

    func policies(_ ids: Set<PolicyID>) async throws -> [Policy] {
      try BatchSQL.readPolicies(try await transaction.run([BatchSQL.policies(ids)])[0])
    }

    func counters(_ days: Set<PolicyDay>, coupons people: Set<PersonPeriod>) async throws -> (
      [(day: PolicyDay, issued: Int)], [Coupon]
    ) {
      let rows = try await transaction.run(
        [BatchSQL.counters(days)] + (people.isEmpty ? [] : [BatchSQL.coupons(people)]))
      return (
        try BatchSQL.readCounters(rows[0]).map { ($0.0, $0.issued) },
        people.isEmpty ? [] : try BatchSQL.readCoupons(rows[1])
      )
    }

    func commit(_ batch: CommittedBatch) async throws {
      let record = batch.record
      _ = try await transaction.finish(
        (batch.decides ? record.statements : record.statementsWithoutDeciding)
          + [
            OffsetSQL.advance(
              topic: topic, partition: batch.partition, to: batch.next, firstHash: batch.firstHash)
          ])
    }
  }
}
