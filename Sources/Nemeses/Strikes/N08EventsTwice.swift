import History
import Load
import Scenarios

extension Nemesis {
  /// The second of a person is dropped by every reader alike.
  static let eventsTwice = Nemesis(
    "N8", "a tenth of the log's events appended again, twice", of: [.eda], seconds: 6
  ) {
    arena in
    for second in [2.5, 4] {
      try await arena.until(second)
      let seed = arena.random.next()
      try await arena.inject(.duplicates(share: 0.1, seed: seed), "a tenth of the events twice")
    }
  }
}
