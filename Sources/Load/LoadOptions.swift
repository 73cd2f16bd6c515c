import EventLoop
import Terminal

/// What a person may say about a load, with the defaults of `lab load` and `lab demo`.
package struct LoadOptions: Hashable, Sendable {
  package var people = 50_000
  package var quota = 1_000
  /// People a second at the opening.
  package var rate = 6_000.0
  /// The share of people who come before the opening.
  package var earlyShare = 0.01
  /// Requests a person makes at most.
  package var attempts = 4
  /// More than a crowd ever has open: with fewer, people would wait for a slow server inside the generator, and what
  /// they would have met at the server is not seen.
  package var connections = 10_000
  package var bystanderPerSecond = 40.0
  package var seed: UInt64
  /// The bystander alone, before the opening and after the last answer.
  package var before = Duration.seconds(5)
  package var after = Duration.seconds(5)
  /// How long a client waits for an answer; longer than the servers' deadline.
  package var patience = Duration.seconds(5)
  /// The servers' `REQUEST_DEADLINE_MS`.
  package var deadline = Duration.seconds(2)
  /// People arrive evenly instead of in a rush that fades.
  package var isSteady = false
  /// So many people at a time, each as soon as another has their answer, from the opening on; nil: by the schedule.
  package var concurrent: Int?
  /// Holders who look at their coupon and people who come too late for a sold-out policy, a second, each.
  package var probesPerSecond = 0.0
  /// The same people come once more, so long after the opening.
  package var again: Duration?

  package init(seed: UInt64 = .random(in: 1...999_999_999)) { self.seed = seed }

  /// Those of `lab demo`, whose nine runs are to take a few minutes: a shorter crowd, and after it no more than a percentile
  /// needs.
  package static var ofDemo: LoadOptions {
    var options = LoadOptions(seed: 0)
    (options.people, options.after) = (20_000, .seconds(3))
    return options
  }

  package var crowd: Crowd {
    Crowd(people: people, rate: rate, earlyShare: earlyShare, seed: seed, isSteady: isSteady)
  }

  var retries: Retries { Retries(attempts: attempts, seed: seed) }

  /// One line that says what comes, and with which seed.
  package var summary: String {
    """
    \(Numbers.count(people)) people for \(Numbers.count(quota)) coupons, \(Numbers.decimal(rate, digits: 0)) a second \
    at the opening, then fading over \(Numbers.decimal(crowd.seconds, digits: 0)) s; up to \(attempts) requests each; \
    seed \(seed)
    """
  }
}
