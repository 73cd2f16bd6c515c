import EventLoop
package import History
import Laboratory

/// Something that breaks the real processes of a laboratory while people ask for coupons.
///
///     prepare ─▶ servers start ─▶ wire ─▶ programs start ─▶ crowd │ strike ─▶ healed ─▶ verified
package struct Nemesis: Sendable {
  /// `N1`…
  package let name: String
  /// What it breaks, in one line.
  package let title: String
  /// Those that it touches. The other one would only be a witness.
  package let architectures: [Architecture]
  /// The shortest round in which it bites, in seconds of the crowd.
  package let seconds: Double
  /// What it does to a laboratory cannot be done twice: each round has one of its own.
  var needsFreshLaboratory = false
  /// The programs' clocks are about to show midnight, at this share of a round.
  var midnightAt: Double?
  /// Faults that overlap may hide each other: at least one of a round must bite, instead of each.
  var mayHide = false
  /// Why it cannot be done on this machine; nil where it can.
  var missing: @Sendable @LoopActor (UpOptions) async -> String? = { _ in nil }
  /// What is needed before the servers start.
  var prepare: @Sendable @LoopActor (Arena, inout UpOptions) async throws -> Void = { _, _ in }
  /// What is put between servers and programs: settings for the programs.
  var wire: @Sendable @LoopActor (Arena) async throws -> [String: String] = { _ in [:] }
  let strike: @Sendable @LoopActor (Arena) async throws -> Void

  init(
    _ name: String, _ title: String, of architectures: [Architecture] = Architecture.allCases,
    seconds: Double, strike: @escaping @Sendable @LoopActor (Arena) async throws -> Void
  ) {
    (self.name, self.title, self.architectures) = (name, title, architectures)
    (self.seconds, self.strike) = (seconds, strike)
  }

  /// The same with more of it set.
  func with(_ change: (inout Nemesis) -> Void) -> Nemesis {
    var nemesis = self
    change(&nemesis)
    return nemesis
  }

  /// All of them, in their order. N1 to N13 are those of the invariants' list.
  package static let all = [
    programsKilled, workerKilled, programsStopped, redisKilled, redisStopped, brokerBroken, databaseBroken,
    eventsTwice, poison, workersComeAndGo, midnight, diskFull, mix, leaderKilled, redisFailover,
    databaseFailover,
  ]

  package static func named(_ name: String) -> Nemesis? {
    all.first { $0.name.lowercased() == name.lowercased() }
  }
}
