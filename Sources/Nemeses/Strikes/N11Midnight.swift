import Load
import Scenarios
import Faults

extension Nemesis {
  /// A day is fixed when a request is admitted, whoever dies before it is answered.
  static let midnight = Nemesis(
    "N11", "midnight under load, with the API killed before, across and after it; and the monolith",
    seconds: 16
  ) { arena in
    let midnight = arena.seconds * 0.5
    try await arena.together([
      {
        try await arena.until(midnight - 0.4)
        try await arena.kill(.monolith, down: 0.8)
        try await arena.ready(.monolith)
      },
      {
        try await arena.until(midnight - 4)
        try await arena.crash(.api, at: .apiAfterGate, time: 10 + arena.random.integer(below: 20), down: 0.2)
        try await arena.ready(.api)
        try await arena.until(midnight - 0.6)
        // Asleep at midnight: it wakes up with requests of yesterday in its hands.
        try await arena.stop(.api, 1)
        try await arena.sleep(0.8)
        try await arena.crash(
          .api, at: .apiAfterPublish, time: 1 + arena.random.integer(below: 8), down: 0.2)
        try await arena.ready(.api)
      },
    ])
  }.with {
    $0.needsFreshLaboratory = true
    $0.midnightAt = 0.5
  }
}
