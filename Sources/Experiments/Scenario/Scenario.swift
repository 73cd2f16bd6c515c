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

  package struct PolicyPlan: Hashable, Sendable {
    package var quota = 1_000
    package var isDaily = false
    /// So many policies at once, which share the people.
    package var count = 1
    /// Seconds after the opening of the run at which the day ends and the next one begins, by the programs' clocks;
    /// nil: far away.
    package var midnightAt: Double?
  }

  package struct Variant: Hashable, Sendable {
    package var name: String
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
  package static var ofScenarios: LoadOptions {
    var options = LoadOptions(seed: 0)
    (options.people, options.rate, options.earlyShare) = (10_000, 2_000, 0)
    (options.before, options.after) = (.seconds(3), .seconds(3))
    return options
  }
}

/// A fault with its time.
package struct TimedFault: Hashable, Sendable {
  package enum Action: Hashable, Sendable {
    case switched(target: String, kind: String, latencyMs: Int?, rate: Double?, ttlSeconds: Double)
    case stop(part: String, seconds: Double)
    case kill(part: String)
    case restart(part: String)
    case flush
    case poison(count: Int)
    case duplicates(share: Double)
  }

  /// What the results call it.
  package var name: String
  /// Seconds after the opening.
  package var at: Double
  package var action: Action
  /// For what is found wrong with it later.
  package var place: FieldPlace?

  package init(name: String, at: Double, action: Action, place: FieldPlace? = nil) {
    (self.name, self.at, self.action, self.place) = (name, at, action, place)
  }

  /// When it is over, seconds after the opening; nil where something else ends it (a restart).
  package var until: Double? {
    switch action {
    case .switched(_, _, _, _, let ttl): at + ttl
    case .stop(_, let seconds): at + seconds
    case .kill: nil
    case .restart, .flush, .poison, .duplicates: at
    }
  }

  /// Whether an architecture has what this breaks.
  package func exists(in architecture: Architecture) -> Bool {
    let part: String =
      switch action {
      case .switched(let target, _, _, _, _): target
      case .stop(let part, _), .kill(let part), .restart(let part): part
      case .flush: "redis"
      case .poison, .duplicates: "kafka"
      }
    let parts =
      architecture == .monolith ? ["database", "monolith"] : ["database", "redis", "kafka", "api", "worker"]
    return parts.contains(part)
  }

  package static let switchTargets = ["database", "redis", "kafka"]
  package static let kinds = ["outage", "hang", "latency", "flaky"]
  package static let parts = ["database", "redis", "kafka", "monolith", "api", "worker"]
}
