package import CouponDomain
package import CouponStore
package import EventLoop

/// The tables beneath `BatchWriter`: PostgreSQL, or a database that is simulated.
@LoopActor
package protocol BatchStore: AnyObject {
  /// Runs `body` in one transaction, which is rolled back unless it commits.
  ///
  /// - Throws: what `body` throws; `PostgresError` where there is no connection.
  func transaction<Value>(
    deadline: Instant, _ body: @LoopActor (any BatchTransaction) async throws -> Value
  ) async throws -> Value
}

/// One transaction: what it reads was read under the lock of the partition's offset. Every call throws
/// `PostgresError`, and then nothing was committed, unless it says that this is not known.
@LoopActor
package protocol BatchTransaction: AnyObject {
  /// Locks the partition's offset (made with 0 where there is none) until the end, and looks these policies up.
  func lock(_ partition: Int32, policies: Set<PolicyID>) async throws -> (OffsetRow, [Policy])
  func policies(_ ids: Set<PolicyID>) async throws -> [Policy]
  func counters(_ days: Set<PolicyDay>, coupons people: Set<PersonPeriod>) async throws -> (
    [(day: PolicyDay, issued: Int)], [Coupon]
  )
  /// Writes a batch with the next offset, and commits.
  func commit(_ batch: CommittedBatch) async throws
}

/// What a batch writes.
package struct CommittedBatch {
  package let partition: Int32
  package let record: BatchRecord
  /// False where Redis has decided: existing coupons are skipped, and the counters count what is new.
  package let decides: Bool
  package let next: Int64
  /// Of the partition's first message, where the batch holds it.
  package let firstHash: [UInt8]?
}
