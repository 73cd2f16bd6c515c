package import CouponLog
package import EventLoop
package import Kafka

/// The tables, as the worker writes them.
@LoopActor
package protocol BatchTables: AnyObject {
  /// Applies one batch in one transaction.
  ///
  /// - Throws: `PostgresError`: nothing is known but what it says; the same batch again is always right.
  func apply(_ batch: WorkerBatch, _ messages: [KafkaMessage]) async throws -> BatchOutcome
  /// These partitions begin anew, wherever the database stands: another worker may have had them meanwhile.
  func begin(_ partitions: [Int32])
}

package enum BatchOutcome {
  case applied(BatchResult)
  /// The database stands elsewhere: read from there.
  case seek(Int64)
  case stop(LogProblem)
}
