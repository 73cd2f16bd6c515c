import EventLoop
import Simulation
import Terminal

extension LabCommand {
  static let simulate = LabCommand(
    "simulate",
    "play seeded schedules of faults on the event-driven version's own code (exit code 1 if one goes wrong)",
    usage: "[--seeds N] [--from S] [--weather NAME] [--mutant NAME] | --mutants [--seeds N]",
    options: [
      ("--seeds N", "how many schedules; 1,000"),
      ("--from S", "the first seed; 1"),
      ("--weather NAME", "one kind of fault in every schedule: \(climates.joined(separator: ", "))"),
      ("--mutant NAME", "with one decision made wrongly, which the checker must notice"),
      (
        "--mutants",
        "every mutant until it is noticed, as a table; exit code 1 if one is not, or for the wrong reason"
      ),
    ]
  ) { arguments, _ in
    let seeds = try arguments.number("--seeds", in: 1...100_000_000 as ClosedRange<Int>) ?? 1_000
    let first = try arguments.number("--from", in: 0...UInt64.max / 2) ?? 1
    let climate = try arguments.choice("--weather", of: climates).flatMap { Climate(rawValue: $0) }
    let mutant = try arguments.choice("--mutant", of: Mutant.allCases.map(\.rawValue)).flatMap {
      Mutant(rawValue: $0)
    }
    let all = arguments.flag("--mutants")
    try arguments.finish()
    guard !(all && (mutant != nil || climate != nil)) else {
      throw UsageError("--mutants takes only --seeds and --from")
    }
    if all { return await huntMutants(first: first, seeds: seeds) }
    return await playSchedules(first: first, seeds: seeds, climate, mutant)
  }

  private static let climates = Climate.allCases.map(\.rawValue)

  @LoopActor
  private static func playSchedules(
    first: UInt64, seeds: Int, _ climate: Climate?, _ mutant: Mutant?
  ) async -> Int32 {
    let progress = PhaseProgress("simulate")
    var races: [Race: Int] = [:]
    for index in 0..<seeds {
      let plan = Plan(seed: first + UInt64(index), climate: climate)
      let outcome = await Simulation.play(plan, mutant: mutant)
      for race in outcome.races { races[race, default: 0] += 1 }
      if let violation = outcome.violations.first {
        progress.end("seed \(plan.seed) went wrong")
        await explain(plan, mutant, violation)
        return 1
      }
      if index % 16 == 0 {
        progress.update(Double(index) / Double(seeds), "seed \(plan.seed)")
        await EventLoop.shared.sleep(for: .zero)
      }
    }
    progress.end()
    Terminal.line(
      "\(Numbers.count(seeds)) schedules, none went wrong. Races provoked, in how many schedules:")
    Terminal.line(Race.allCases.map { "\($0) \(races[$0] ?? 0)" }.joined(separator: ", "))
    return 0
  }

  /// The shortest schedule that goes wrong in the same way, told as it happens.
  @LoopActor
  private static func explain(_ plan: Plan, _ mutant: Mutant?, _ violation: String) async {
    Terminal.line("seed \(plan.seed): \(violation)")
    let shortest = await Simulation.shrink(plan, mutant: mutant)
    let outcome = await Simulation.play(shortest, mutant: mutant, keepsStory: true)
    Terminal.line("The shortest schedule found that goes wrong like that:")
    for line in outcome.story { Terminal.line("  " + line) }
    for violation in outcome.violations.prefix(5) { Terminal.line("wrong: " + violation) }
  }

  @LoopActor
  private static func huntMutants(first: UInt64, seeds: Int) async -> Int32 {
    var table = TextTable(head: ["mutant", "seen by", "after schedules"])
    var survivors = 0
    for mutant in Mutant.allCases {
      var seen: (by: String, after: Int)?
      for index in 0..<seeds where seen == nil {
        let outcome = await Simulation.play(
          Plan(seed: first + UInt64(index), climate: mutant.climate), mutant: mutant)
        if let violation = outcome.violations.first { seen = (violation, index + 1) }
        if index % 16 == 0 { await EventLoop.shared.sleep(for: .zero) }
      }
      if (seen == nil) != mutant.isTolerated { survivors += 1 }
      table.rows.append([
        mutant.rawValue,
        seen.map { Simulation.word($0.by) } ?? (mutant.isTolerated ? "nothing, rightly" : "nothing"),
        seen.map { Numbers.count($0.after) } ?? "more than \(Numbers.count(seeds))",
      ])
    }
    for line in table.lines { Terminal.line(line) }
    return survivors == 0 ? 0 : 1
  }
}
