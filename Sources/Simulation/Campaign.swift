package import EventLoop

/// What one schedule came to.
package struct Outcome: Sendable {
  package let seed: UInt64
  package let races: Set<Race>
  /// What was wrong, the first thing first.
  package let violations: [String]
  /// What happened, where that was asked for.
  package let story: [String]
  /// How long the schedule was, in its own milliseconds.
  package let length: Int
  /// What the people heard, for comparing two plays of one seed.
  package let answers: [String]
}

/// Plays schedules, and makes a failing one smaller.
@LoopActor
package enum Simulation {
  package static func play(_ plan: Plan, mutant: Mutant? = nil, keepsStory: Bool = false) async -> Outcome {
    let world = World(plan, mutant: mutant, keepsStory: keepsStory)
    await world.play()
    return Outcome(
      seed: plan.seed, races: world.races, violations: world.checker.violations, story: world.story ?? [],
      length: world.now,
      answers: world.requests.map { $0.answer.map { Story.words($0) } ?? "nothing" })
  }

  /// The smallest plan found that goes wrong in the same way; each with a few fates of its own, since what is left out
  /// also changes what is drawn.
  package static func shrink(_ plan: Plan, mutant: Mutant? = nil, patience: Int = 1_500) async -> Plan {
    let kind = await play(plan, mutant: mutant).violations.first.map { word($0) }
    var best = plan
    var tries = 0
    search: while tries < patience {
      for candidate in best.smaller {
        for turn in 0..<4 as Range<UInt64> {
          tries += 1
          var trial = candidate
          trial.fates = turn == 0 ? candidate.fates : candidate.fates &+ turn &* 0x9E37_79B9
          let found = await play(trial, mutant: mutant).violations.first.map { word($0) }
          guard found == kind, kind != nil else { continue }
          best = trial
          continue search
        }
        if tries >= patience { break search }
      }
      break
    }
    return best
  }

  /// The first word of a violation: the invariant that broke.
  package static func word(_ violation: String) -> String {
    String(violation.prefix { $0 != " " && $0 != ":" && $0 != "," })
  }
}
