package import CouponStore
package import EventLoop
package import Kafka

/// The seams of a worker: what is made of the product's own, to stand in its place. Each is the product's own but for
/// experiments and tests.
package struct WorkerWires {
  package var group: @LoopActor (any LogGroup) -> any LogGroup = { $0 }
  package var tables: @LoopActor (any BatchTables) -> any BatchTables = { $0 }
  package var fold: BatchFold = { BatchResult($0, over: $1, decides: $2) }

  package init() {}
}

/// What a batch comes to, folded over a ledger that holds what the tables say of its people and days.
package typealias BatchFold =
  @LoopActor (_ batch: WorkerBatch, _ ledger: LogLedger, _ decides: Bool) -> BatchResult

/// The tables, as the worker writes them.
@LoopActor
package protocol BatchTables: AnyObject {
  /// Applies one batch in one transaction.
  ///
  /// - Throws: `PostgresError`: nothing is known but what it says; the same batch again is always right.
  func apply(_ batch: WorkerBatch, _ messages: [KafkaMessage]) async throws -> BatchOutcome
}

package enum BatchOutcome {
  case applied(BatchResult)
  /// The database stands elsewhere: read from there.
  case seek(Int64)
  case stop(LogProblem)
}

/// The log, as one worker of the group reads it.
@LoopActor
package protocol LogGroup: AnyObject {
  var partitions: Set<Int32> { get }
  func start() throws(KafkaError)
  func assign(from offsets: [Int32: Int64])
  func next(atMost limit: Int) async -> [KafkaMessage]
  func pause()
  func resume()
  func seek(_ partition: Int32, to offset: Int64)
  /// Tells the group the next offset of each partition.
  @discardableResult func commit(_ offsets: [Int32: Int64]) -> Completion<Void>
  func close(deadline: Instant) async
}

extension KafkaGroupConsumer: LogGroup {}
