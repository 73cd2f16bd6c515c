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
  /// Locks the partition's offset (made with 0 where there is none) until the end, and looks up what is asked.
  func lock(_ partition: Int32, _ question: BatchQuestion) async throws -> (OffsetRow, BatchAnswer)
  func ask(_ question: BatchQuestion) async throws -> BatchAnswer
  /// Writes a batch with the next offset, and commits.
  func commit(_ batch: CommittedBatch) async throws
}

/// What the tables are asked before a fold.
package struct BatchQuestion: Equatable {
  package var policies: Set<PolicyID> = []
  /// The counters of these days.
  package var days: Set<PolicyDay> = []
  /// The coupons of these people and periods.
  package var people: Set<PersonPeriod> = []

  package init() {}
}

package struct BatchAnswer {
  package var policies: [Policy] = []
  package var counters: [(day: PolicyDay, issued: Int)] = []
  package var coupons: [Coupon] = []

  package init() {}
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
  /// Everything but the offset, with its values written for the server.
  let statements: [SQLCall]

  init(partition: Int32, record: BatchRecord, decides: Bool, next: Int64, firstHash: [UInt8]?) {
    (self.partition, self.record, self.decides) = (partition, record, decides)
    (self.next, self.firstHash) = (next, firstHash)
    statements = decides ? record.statements : record.statementsWithoutDeciding
  }
}
