import EventLoop
package import Faults
package import CouponDomain
package import Figures
package import History
package import Load
package import PrivateServers
package import Verify

/// One experiment, as `scenario.yaml` states it.
package struct Scenario: Hashable, Sendable {
  package var name: String
  package var question: String
  package var rounds = 3
  package var policy = PolicyPlan()
  package var crowd = LoadOptions.ofScenarios
  package var variants: [Variant] = []
  package var faults: [TimedFault] = []
  package var expectations: [Expectation] = []
  /// What the result's table and bars show.
  package var shown: [Metric] = []
  /// Run as `--quick` asks.
  package var isQuick = false
  /// Programs that end by themselves are started again.
  package var restarts = false

  package struct PolicyPlan: Hashable, Sendable {
    package var quota = 1_000
    package var perPerson = PerPerson.once
    /// So many policies at once, which share the people.
    package var count = 1
    /// Seconds after the opening of the run at which the day ends and the next one begins, by the programs' clocks;
    /// nil: far away.
    package var midnightAt: Double?
  }

  package struct Variant: Hashable, Sendable {
    package var name: String
    /// What `lab demo` calls it; nil: its name.
    package var title: String?
    package var architecture: Architecture
    /// `COUPON_STRATEGY`; nil: the default.
    package var strategy: String?
    /// For the programs.
    package var settings: [String: String] = [:]
    /// Where the settings stand, the strategy as `COUPON_STRATEGY`.
    package var places: [String: FieldPlace] = [:]
    package var kafka = KafkaChoice.any
    package var redis: PrivateRedis.Durability?
    package var policy: PolicyPlan
    package var crowd: LoadOptions
    package var faults: [TimedFault]
  }

  package enum KafkaChoice: String, Hashable, Sendable, CaseIterable {
    /// What `lab run` is told, else the embedded broker.
    case any, embedded, installed, named
  }

  /// Whether a run of so many rounds may take the place of the checked-in result: with fewer than three there is no
  /// median to speak of.
  package func keepsResult(ofRounds rounds: Int) -> Bool { rounds >= min(3, self.rounds) }

  /// The invariants that need not hold in a variant's runs, because an expectation says that they do not.
  package func excused(_ variant: String) -> Set<Invariant> {
    expectations.filter { $0.left.variant == variant }.reduce(into: []) { $0.formUnion($1.excused) }
  }
}

extension LoadOptions {
  /// What a scenario need not say of its crowd; the quota is its policy's, the seed its trial's.
  static var ofScenarios: LoadOptions {
    var options = LoadOptions(seed: 0)
    (options.people, options.rate, options.earlyShare) = (10_000, 2_000, 0)
    (options.before, options.after) = (.seconds(3), .seconds(3))
    return options
  }
}

/// A fault with its time.
package struct TimedFault: Hashable, Sendable {
  /// What the results call it.
  package let name: String
  /// Seconds after the opening.
  package let at: Double
  package let fault: LabFault
  /// Of a fault of coupons: the person of the crowd whose number the prefix stands for.
  package let person: Int?
  /// For what is found wrong with it later.
  package let place: FieldPlace?

  /// The fault for a crowd whose people are called `namePrefix` and their number.
  package func forPeople(called namePrefix: String) throws(InvalidFault) -> LabFault {
    guard let person, case .switched(let target, let spec) = fault else { return fault }
    return .switched(
      target,
      try FaultSpec(
        kind: spec.kind, ttlSeconds: spec.ttlSeconds, stallMs: spec.stallMs,
        prefix: "\(namePrefix)\(person)"))
  }

  /// Whether a program ends of it that nobody but a supervisor starts again: a crash, and in the worker an error, too.
  var endsPrograms: Bool {
    if case .switched(.coupons, let spec) = fault { spec.kind != .stall } else { false }
  }

  /// When it is over, seconds after the opening; nil where something else ends it (a restart).
  package var until: Double? {
    switch fault {
    case .switched(_, let spec): at + spec.ttlSeconds
    case .stop(_, let time): at + time.milliseconds / 1_000
    case .kill: nil
    case .restart, .flush, .poison, .duplicates: at
    }
  }

  /// Whether an architecture has what this breaks.
  func exists(in architecture: Architecture) -> Bool {
    let parts: [FaultedPart] =
      architecture == .monolith ? [.database, .monolith] : [.database, .redis, .kafka, .api, .worker]
    if case .switched(.coupons, _) = fault { return true }
    return parts.contains { $0.rawValue == fault.target }
  }
}
