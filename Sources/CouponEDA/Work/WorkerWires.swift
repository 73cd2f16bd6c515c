package import CouponStore
import EventLoop

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
