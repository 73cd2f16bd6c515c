import EventLoop
import Simulation
import TestSupport
import Testing

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// The product's own API and worker under a seeded random scheduler. `SIMULATION_SEEDS` sets how many schedules are
/// played, `SIMULATION_SEED` plays one.
@Suite(.limited) struct SimulationTests {
  static let environment = ProcessEnvironment()

  @Test func everyScheduleKeepsTheInvariants() async throws {
    try await onLoop {
      var races: [Race: Int] = [:]
      var failures: [String] = []
      for seed in SimulationTests.environment.seeds where failures.count < 5 {
        let outcome = await Simulation.play(Plan(seed: seed))
        for race in outcome.races { races[race, default: 0] += 1 }
        if let first = outcome.violations.first { failures.append("SIMULATION_SEED=\(seed): \(first)") }
      }
      #expect(failures.isEmpty, "\(failures.joined(separator: "\n"))")
      guard SimulationTests.environment.countsRaces else { return }
      let missing = Race.allCases.filter { races[$0] == nil }
      #expect(missing.isEmpty, "these races did not occur: \(missing)")
      print(
        "races in \(SimulationTests.environment.seeds.count) schedules: "
          + races.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))
    }
  }

  @Test(arguments: Climate.allCases) func everyWeatherKeepsTheInvariants(_ climate: Climate) async throws {
    try await onLoop {
      for seed in 1...15 as ClosedRange<UInt64> {
        let outcome = await Simulation.play(Plan(seed: seed, climate: climate))
        #expect(outcome.violations.isEmpty, "seed \(seed)")
      }
    }
  }

  @Test(arguments: Mutant.allCases) func aMutantIsSeenUnlessTheProtocolIsMadeForIt(_ mutant: Mutant)
    async throws
  {
    try await onLoop {
      var seen = false
      let count: UInt64 = mutant.isTolerated ? 60 : 3_000
      for seed in 1...count where !seen {
        seen = await !Simulation.play(
          Plan(seed: seed, climate: mutant.climate), mutant: mutant
        ).violations.isEmpty
      }
      #expect(seen != mutant.isTolerated, "\(mutant) in \(count) schedules: seen is \(seen)")
    }
  }

  /// 32104: a COMMIT without an answer, then a database that went back in time: the worker did not notice.
  @Test(arguments: [32_104 as UInt64]) func aScheduleThatOnceWentWrong(_ seed: UInt64) async throws {
    try await onLoop {
      let outcome = await Simulation.play(Plan(seed: seed))
      #expect(outcome.violations.isEmpty)
    }
  }

  @Test func theSameSeedPlaysTheSameSchedule() async throws {
    try await onLoop {
      for seed in 1...10 as ClosedRange<UInt64> {
        let first = await Simulation.play(Plan(seed: seed))
        let second = await Simulation.play(Plan(seed: seed))
        #expect(first.length == second.length)
        #expect(first.answers == second.answers)
        #expect(first.races == second.races)
      }
    }
  }

  /// A failing seed becomes a story that ends with what went wrong.
  @Test func aFailureIsToldAsAStory() async throws {
    try await onLoop {
      var plan = Plan(seed: 1)
      for seed in 1...500 as ClosedRange<UInt64> {
        plan = Plan(seed: seed)
        if await !Simulation.play(plan, mutant: .createdByGate).violations.isEmpty { break }
      }
      let shortest = await Simulation.shrink(plan, mutant: .createdByGate, patience: 60)
      let outcome = await Simulation.play(shortest, mutant: .createdByGate, keepsStory: true)
      #expect(outcome.story.last?.contains("WRONG") == true)
      #expect(outcome.story.contains { $0.contains("asks API") })
    }
  }
}

/// What the environment asks of the simulation.
struct ProcessEnvironment {
  let seeds: Range<UInt64>
  let countsRaces: Bool

  init() {
    if let seed = ProcessEnvironment.number("SIMULATION_SEED") {
      (seeds, countsRaces) = (seed..<(seed + 1), false)
      return
    }
    #if DEBUG
      let usual: UInt64 = 1_000
    #else
      let usual: UInt64 = 5_000
    #endif
    let count = ProcessEnvironment.number("SIMULATION_SEEDS") ?? usual
    (seeds, countsRaces) = (1..<(count + 1), count >= usual)
  }

  private static func number(_ name: String) -> UInt64? {
    getenv(name).flatMap { UInt64(String(cString: $0)) }
  }
}
