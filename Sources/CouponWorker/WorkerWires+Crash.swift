import EventLoop
import Faults

extension WorkerWires {
  @LoopActor
  func crashing(_ crash: CrashSwitch?) -> WorkerWires {
    guard let crash else { return self }
    var wires = self
    wires.fold = { batch, ledger, decides in
      let result = try fold(batch, ledger, decides)
      if !result.issued.isEmpty { crash.reach(.workerBeforeCommit) }
      return result
    }
    wires.tables = { CrashingTables(tables($0), crash) }
    return wires
  }
}

@LoopActor
private final class CrashingTables: BatchTables {
  private let tables: any BatchTables
  private let crash: CrashSwitch

  init(_ tables: any BatchTables, _ crash: CrashSwitch) { (self.tables, self.crash) = (tables, crash) }

  func begin(_ partitions: [Int32]) { tables.begin(partitions) }
  func end(_ partitions: [Int32]) { tables.end(partitions) }

  func apply(
    _ read: ReadBatch, following: @LoopActor () -> ReadBatch?
  ) async throws -> BatchOutcome {
    let outcome = try await tables.apply(read, following: following)
    if case .applied(let result) = outcome, !result.issued.isEmpty { crash.reach(.workerAfterCommit) }
    return outcome
  }
}
