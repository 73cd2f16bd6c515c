import Load
import History
import Scenarios
import Faults

extension Nemesis {
  /// Rows and the offset are one transaction: what was applied is not applied again, what was not is. A dead worker's
  /// partitions are another's only when its session is over (6 s), so a round takes that long three times.
  static let workerKilled = Nemesis(
    "N2", "kill -9 of the worker before its COMMIT, after it, and at random", of: [.eda], seconds: 42
  ) { arena in
    try await arena.until(1)
    for point in [CrashPoint.workerBeforeCommit, .workerAfterCommit] {
      try await arena.crash(.worker, at: point, time: 1 + arena.random.integer(below: 3), down: 0.7)
    }
    try await arena.until(34)
    try await arena.kill(.worker, down: 1)
  }
}
