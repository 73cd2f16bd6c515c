import Scenarios

extension Nemesis {
  /// A program that was away wakes up as a zombie: it believes that its requests are young and its partitions its own.
  static let programsStopped = Nemesis(
    "N3", "SIGSTOP of the API beyond every deadline, of the worker beyond its session (6 s), of the monolith",
    seconds: 13
  ) { arena in
    try await arena.until(1)
    try await arena.together([
      { try await arena.stop(.worker, 7.5) },
      { try await arena.stop(.monolith, 3) },
      {
        try await arena.sleep(3)
        try await arena.stop(.api, 3)
      },
    ])
  }
}
