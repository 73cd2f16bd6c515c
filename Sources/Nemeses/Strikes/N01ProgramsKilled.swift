import Load
import Scenarios
import Faults

extension Nemesis {
  /// Whoever was answered before must be right after, and whoever was not may ask again.
  static let programsKilled = Nemesis(
    "N1",
    "kill -9 of the API between gate and log, between log and answer, and at random; of the monolith at random",
    seconds: 10
  ) { arena in
    try await arena.until(1)
    try await arena.together([
      {
        for _ in 0..<2 {
          try await arena.kill(.monolith, down: 0.7)
          try await arena.ready(.monolith)
          try await arena.sleep(1)
        }
      },
      {
        for point in [CrashPoint.apiAfterGate, .apiAfterPublish] {
          try await arena.crash(.api, at: point, time: 10 + arena.random.integer(below: 30), down: 0.3)
          try await arena.ready(.api)
        }
        try await arena.kill(.api, down: 0.7)
        try await arena.ready(.api)
      },
    ])
  }
}
