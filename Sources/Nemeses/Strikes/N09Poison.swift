import History
import Scenarios

extension Nemesis {
  /// Every reader puts them aside, and the lag reaches 0.
  static let poison = Nemesis(
    "N9", "unreadable messages: empty, not JSON, \\u0000, the year 292277026596, a large one",
    of: [.eda],
    seconds: 6
  ) { arena in
    for second in [1.0, 3] {
      try await arena.until(second)
      try await arena.inject(.poison(count: 12), "12 poisonous messages")
    }
  }
}
