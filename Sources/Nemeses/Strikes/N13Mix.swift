import Load
import Text
import EventLoop
import Faults
import Scenarios
import Terminal

extension Nemesis {
  /// Three hands at once, each with one fault after the other; what overlaps is left to the lots.
  static let mix = Nemesis("N13", "a random mix of the others, from a printed seed", seconds: 24) { arena in
    let end = arena.seconds - 6
    try await arena.until(1)
    try await arena.together([
      { try await arena.mix(Mischief.programs, until: end) },
      { try await arena.mix(Mischief.servers, until: end) },
      { try await arena.mix(Mischief.log, until: end) },
    ])
  }.with { $0.mayHide = true }
}

/// One small fault of a mix.
private struct Mischief: Sendable {
  let name: String
  /// It asks a server, which another hand may have killed.
  let needsServer: Bool
  let work: @Sendable @LoopActor (Arena) async throws -> Void

  init(
    _ name: String, needsServer: Bool = false,
    _ work: @escaping @Sendable @LoopActor (Arena) async throws -> Void
  ) { (self.name, self.needsServer, self.work) = (name, needsServer, work) }

  static let programs = [
    Mischief("kill api") { try await $0.kill(.api, down: $0.between(0.2, 1.5)) },
    Mischief("kill worker") { try await $0.kill(.worker, down: $0.between(0.2, 1.5)) },
    Mischief("kill monolith") { try await $0.kill(.monolith, down: $0.between(0.2, 1.5)) },
    Mischief("stop api") { try await $0.stop(.api, $0.between(0.3, 3)) },
    Mischief("stop worker") { try await $0.stop(.worker, $0.between(0.3, 7)) },
    Mischief("stop monolith") { try await $0.stop(.monolith, $0.between(0.3, 3)) },
    Mischief("api-after-gate") {
      try await $0.crash(.api, at: .apiAfterGate, time: 1 + $0.random.integer(below: 40), down: 0.2)
    },
    Mischief("api-after-publish") {
      try await $0.crash(.api, at: .apiAfterPublish, time: 1 + $0.random.integer(below: 40), down: 0.2)
    },
    Mischief("kafka hang") { try await $0.switched(.kafka, .hang, $0.between(0.5, 3)) },
    Mischief("kafka flaky") { try await $0.switched(.kafka, .flaky, $0.between(0.5, 3), rate: 0.3) },
    Mischief("redis flaky") { try await $0.switched(.redis, .flaky, $0.between(0.5, 3), rate: 0.3) },
    Mischief("database flaky") { try await $0.switched(.database, .flaky, $0.between(0.5, 3), rate: 0.3) },
    Mischief("database latency") {
      try await $0.switched(.database, .latency, $0.between(0.5, 3), latencyMs: 100)
    },
  ]

  static let servers = [
    Mischief("kill redis") { try await $0.kill(.redis, down: $0.between(0.2, 1.5)) },
    Mischief("kill database") { try await $0.kill(.database, down: $0.between(0.2, 1.5)) },
    Mischief("stop redis") { try await $0.stop(.redis, $0.between(0.3, 3)) },
    Mischief("stop database") { try await $0.stop(.database, $0.between(0.3, 3)) },
    Mischief("stop kafka") { try await $0.stop(.kafka, $0.between(0.3, 4)) },
  ]

  static let log = [
    Mischief("flush", needsServer: true) { try await $0.inject(.flush, "Redis flushed") },
    Mischief("duplicates", needsServer: true) {
      try await $0.inject(.duplicates(share: 0.05, seed: $0.random.next()), "events twice")
    },
    Mischief("poison", needsServer: true) { try await $0.inject(.poison(count: 5), "5 poisonous messages") },
  ]
}

extension Arena {
  /// One after the other, drawn by lot, with pauses.
  fileprivate func mix(_ mischief: [Mischief], until end: Double) async throws {
    while true {
      try await sleep(between(0.3, 2.5))
      let second = Double(now.microseconds - opening.microseconds) / 1_000_000
      guard second < end else { return }
      let next = mischief[random.integer(below: mischief.count)]
      Terminal.line("  \(Numbers.decimal(second, digits: 1)) s: \(next.name)")
      do { try await next.work(self) } catch  where next.needsServer && !(error is Interrupted) {
        Terminal.line("  \(next.name) did not happen: \(error)")
      }
    }
  }
}
