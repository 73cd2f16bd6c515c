import History
import Laboratory
import Scenarios
import Faults

extension Nemesis {
  /// What nobody has confirmed may be in the log all the same, or arrive there when its sender has given up.
  static let brokerBroken = Nemesis(
    "N6", "the broker stopped beyond message.timeout.ms, slow, and disconnected after an append", of: [.eda],
    seconds: 14
  ) { arena in
    try await arena.until(1)
    try await arena.stop(.kafka, 3.8)
    try await arena.sleep(1.2)
    try await arena.switched(.kafka, .latency, 1.5, latencyMs: 250)
    try await arena.sleep(0.3)
    // Written, and the report lost.
    try await arena.switched(.kafka, .hang, 2.5)
    if arena.lab.state.log?.kind == .installed {
      try await arena.sleep(1)
      try await arena.kill(.kafka, down: 0.5)
    }
  }
}
