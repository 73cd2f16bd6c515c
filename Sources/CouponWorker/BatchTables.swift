package import CouponLog
package import EventLoop
package import Kafka

/// The tables, as the worker writes them.
@LoopActor
package protocol BatchTables: AnyObject {
  /// Applies one batch in one transaction. Those of one partition are applied one after the other; of several partitions
  /// each may be under way.
  ///
  /// - Parameter following: the batch that was read behind it, if there is one by the time that it is asked for. It is
  ///   folded while this one commits, and forgotten unless that is known to have succeeded.
  /// - Throws: `PostgresError`: nothing is known but what it says; the same batch again is always right.
  func apply(_ batch: ReadBatch, following: @LoopActor () -> ReadBatch?) async throws -> BatchOutcome
  /// These partitions begin anew, wherever the database stands: another worker may have had them meanwhile.
  func begin(_ partitions: [Int32])
  /// These partitions are another worker's: what is remembered of them is of no use.
  func end(_ partitions: [Int32])
}

extension BatchTables {
  /// One batch alone.
  package func apply(_ batch: WorkerBatch, _ messages: [KafkaMessage]) async throws -> BatchOutcome {
    try await apply(ReadBatch(batch, messages)) { nil }
  }
}

package enum BatchOutcome {
  case applied(BatchResult)
  /// The database stands elsewhere: read from there.
  case seek(Int64)
  case stop(LogProblem)
}
