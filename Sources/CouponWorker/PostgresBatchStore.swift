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

    func lock(_ partition: Int32, _ question: BatchQuestion) async throws -> (OffsetRow, BatchAnswer) {
      let rows = try await transaction.run(
        OffsetSQL.lock(topic: topic, partition: partition) + question.statements)
      return (try OffsetSQL.read(rows[1]), try question.read(rows[2...]))
    }

    func ask(_ question: BatchQuestion) async throws -> BatchAnswer {
      let statements = question.statements
      guard !statements.isEmpty else { return BatchAnswer() }
      return try question.read(try await transaction.run(statements)[...])
    }

    func commit(_ batch: CommittedBatch) async throws {
      _ = try await transaction.finish(
        batch.statements
          + [
            OffsetSQL.advance(
              topic: topic, partition: batch.partition, to: batch.next, firstHash: batch.firstHash)
          ])
    }
  }
}

extension BatchQuestion {
  /// One for each thing that is asked.
  fileprivate var statements: [SQLCall] {
    (policies.isEmpty ? [] : [BatchSQL.policies(policies)])
      + (days.isEmpty ? [] : [BatchSQL.counters(days)])
      + (people.isEmpty ? [] : [BatchSQL.coupons(people)])
  }

  /// - Parameter rows: the answers to `statements`.
  fileprivate func read(_ rows: ArraySlice<PostgresRows>) throws -> BatchAnswer {
    var (rest, answer) = (rows, BatchAnswer())
    if !policies.isEmpty { answer.policies = try BatchSQL.readPolicies(rest.removeFirst()) }
    if !days.isEmpty {
      answer.counters = try BatchSQL.readCounters(rest.removeFirst()).map { ($0.0, $0.issued) }
    }
    if !people.isEmpty { answer.coupons = try BatchSQL.readCoupons(rest.removeFirst()) }
    return answer
  }
}
