import History
import Scenarios

extension Nemesis {
  /// A timeout is not a "no": what Redis was asked may have been done, now or later.
  static let redisStopped = Nemesis(
    "N5", "SIGSTOP of Redis beyond the request deadline, twice", of: [.eda], seconds: 10
  ) { arena in
    try await arena.until(1)
    try await arena.stop(.redis, 2.6)
    try await arena.sleep(1.5)
    try await arena.stop(.redis, 1)
  }
}
