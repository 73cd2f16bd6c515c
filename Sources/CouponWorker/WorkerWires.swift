package import CouponStore
import EventLoop

/// Hooks that wrap parts of a worker, for crash points and tests. By default each is the product's own.
package struct WorkerWires {
  package var group: @LoopActor (any LogGroup) -> any LogGroup = { $0 }
  package var tables: @LoopActor (any BatchTables) -> any BatchTables = { $0 }
  package var fold: BatchFold = { BatchResult($0, over: $1, decides: $2) }

  package init() {}
}

/// Folds a batch over a ledger that holds what the tables say of its people and days. A bug that is switched on throws.
package typealias BatchFold =
  @LoopActor (_ batch: WorkerBatch, _ ledger: LogLedger, _ decides: Bool) throws -> BatchResult
