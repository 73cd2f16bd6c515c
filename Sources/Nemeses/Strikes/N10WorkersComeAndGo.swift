import History
import Scenarios
import Foundation
import Laboratory
import Verify

extension Nemesis {
  /// Two workers share the partitions, and none applies what the other one has. How long it takes until partitions have changed
  /// hands is the group's business, so whoever has come stays until it has some; whoever was killed is away for longer than its
  /// session (6 s), so that the other one has all.
  static let workersComeAndGo = Nemesis(
    "N10", "two workers that join and leave every few seconds, one regularly and one by kill -9", of: [.eda],
    seconds: 36
  ) { arena in
    try await arena.until(1)
    let second = SecondWorker(arena)
    do {
      try await second.come()
      try await second.stay(5, most: 12)
      try await arena.kill(.worker, down: 8)
      try await arena.sleep(2)
      try await second.go(SIGTERM)
      try await arena.sleep(2)
      try await second.come()
      try await second.stay(3, most: 12)
    } catch {
      try? await second.go(SIGKILL)
      throw error
    }
    try await second.go(SIGKILL)
  }
}
