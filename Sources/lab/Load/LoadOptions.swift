import EventLoop

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
  /// More than a crowd of ours ever has open: with fewer, people would wait at the generator for a slow server instead
  /// of at its door, and what they would have met there is not seen.
  package var connections = 10_000
  package var bystanderPerSecond = 40.0
  package var seed: UInt64
  /// The bystander alone, before the opening and after the last answer.
  package var before = Duration.seconds(5)
  package var after = Duration.seconds(5)
  package var patience = Duration.seconds(5)
  /// The servers' `REQUEST_DEADLINE_MS`.
  package var deadline = Duration.seconds(2)
  /// People arrive evenly instead of in a rush that fades.
  package var isSteady = false
  /// So many people at a time instead of a schedule.
  package var concurrent: Int?
  /// Holders who look at their coupon and people who come too late for a sold-out policy, a second, each.
  package var probesPerSecond = 0.0
  /// The same people come once more, so long after the opening.
  package var again: Duration?

  package init(seed: UInt64 = .random(in: 1...999_999_999)) { self.seed = seed }

  package static let help: [(name: String, meaning: String)] = [
    ("--people N", "who come; 50000"), ("--quota N", "coupons of the day; 1000"),
    ("--rate N", "people a second at the opening; 6000"),
    ("--attempts N", "requests a person makes at most; 4"),
    ("--connections N", "at most; people beyond them wait; 10000"),
    ("--bystander N", "requests a second for stays and bookings; 40"),
    ("--early SHARE", "of the people come before the opening; 0.01"),
    ("--before S, --after S", "seconds of the bystander alone; 5 and 5"),
    ("--seed N", "of a schedule that was printed before"),
  ]

  /// - Parameter standard: what holds where an argument says nothing.
  package init(_ arguments: inout CommandArguments, standard: LoadOptions = LoadOptions()) throws {
    self = standard
    people = try arguments.integer("--people", in: 1...5_000_000) ?? people
    quota = try arguments.integer("--quota", in: 1...10_000_000) ?? quota
    rate = try arguments.decimal("--rate", in: 1...1_000_000) ?? rate
    attempts = try arguments.integer("--attempts", in: 1...20) ?? attempts
    connections = try arguments.integer("--connections", in: 1...100_000) ?? connections
    bystanderPerSecond = try arguments.decimal("--bystander", in: 0...10_000) ?? bystanderPerSecond
    earlyShare = try arguments.decimal("--early", in: 0...0.5) ?? earlyShare
    before = try arguments.decimal("--before", in: 0...600).map { .seconds($0) } ?? before
    after = try arguments.decimal("--after", in: 0...600).map { .seconds($0) } ?? after
    if let text = try arguments.option("--seed") {
      guard let number = UInt64(text) else {
        throw UsageError("--seed must be a whole number, not “\(text)”")
      }
      seed = number
    }
    // Times in a history are 32 bits of microseconds.
    guard crowd.seconds < 3_000 else {
      throw UsageError("so few people a second take longer than 50 minutes")
    }
  }

  package var crowd: Crowd {
    Crowd(people: people, rate: rate, earlyShare: earlyShare, seed: seed, isSteady: isSteady)
  }

  /// One line that says what comes, and with which seed.
  package var summary: String {
    """
    \(Numbers.count(people)) people for \(Numbers.count(quota)) coupons, \(Numbers.decimal(rate, digits: 0)) a second \
    at the opening, then fading over \(Numbers.decimal(crowd.seconds, digits: 0)) s; up to \(attempts) requests each; \
    seed \(seed)
    """
  }
}
