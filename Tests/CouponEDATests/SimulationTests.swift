import TestSupport
import Testing

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// The protocol under a seeded random scheduler. `SIMULATION_SEEDS` sets how many schedules are played,
/// `SIMULATION_SEED` plays one.
@Suite(.limited) struct SimulationTests {
  static let environment = ProcessEnvironment()

  @Test func everyScheduleKeepsTheInvariants() throws {
    var races: [Race: Int] = [:]
    var failures: [String] = []
    for seed in SimulationTests.environment.seeds {
      let world = World(seed: seed)
      world.play()
      for race in world.races { races[race, default: 0] += 1 }
      if let first = world.checker.violations.first { failures.append("SIMULATION_SEED=\(seed): \(first)") }
      if failures.count == 5 { break }
    }
    #expect(failures.isEmpty, "\(failures.joined(separator: "\n"))")
    guard SimulationTests.environment.countsRaces else { return }
    let missing = Race.allCases.filter { races[$0] == nil }
    #expect(missing.isEmpty, "these races did not occur: \(missing)")
    print(
      "races in \(SimulationTests.environment.seeds.count) schedules: "
        + races.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))
  }

  @Test(arguments: Mistake.allCases) func aPlantedMistakeIsSeen(_ mistake: Mistake) {
    let seen = (1...5_000 as ClosedRange<UInt64>).first { seed in
      let world = World(seed: seed, mistake: mistake)
      world.play()
      return world.checker.kinds.contains { mistake.shownBy.contains($0) }
    }
    #expect(seen != nil, "\(mistake) passed 5,000 schedules")
  }

  @Test func theSameSeedPlaysTheSameSchedule() {
    for seed in 1...5 as ClosedRange<UInt64> {
      let (first, second) = (World(seed: seed), World(seed: seed))
      first.play()
      second.play()
      #expect(first.now == second.now)
      #expect(first.requests.count == second.requests.count)
      #expect(first.requests.map(\.answer) == second.requests.map(\.answer))
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
      let usual: UInt64 = 600
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
