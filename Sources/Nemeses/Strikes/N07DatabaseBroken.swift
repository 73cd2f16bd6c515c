import History
import Scenarios
import Laboratory

extension Nemesis {
  /// It takes the monolith's coupons and everybody's bookings away; of the event-driven version it delays the rows.
  static let databaseBroken = Nemesis(
    "N7", "the database stopped, killed and made a black hole, and a row locked for long", seconds: 16
  ) { arena in
    try await arena.until(1)
    try await arena.stop(.database, 2.5)
    try await arena.sleep(1.2)
    if let relay = arena.relays[.postgres] {
      try await arena.severed("the way to the database a black hole", .database, 2.5) {
        relay.sever()
      } end: {
        relay.mend()
      }
    }
    try await arena.sleep(1.2)
    try await arena.together([
      { try await arena.lockRows("SELECT 1 FROM policy_day FOR UPDATE", of: .monolith, 2) },
      { try await arena.lockRows("SELECT 1 FROM consumer_offset FOR UPDATE", of: .eda, 2) },
    ])
    try await arena.sleep(1.2)
    try await arena.kill(.database, down: 0.7)
  }.with { $0.wire = { arena in try arena.relayDatabase() } }
}
