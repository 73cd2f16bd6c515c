package import Faults
import Load
import Terminal

/// Something that is broken on purpose.
package enum LabFault: Hashable, Sendable {
  /// A switch in the programs, below every rule; it heals by itself.
  case switched(FaultTarget, FaultSpec)
  /// SIGSTOP, and SIGCONT after that time: connections stay, nothing is answered.
  case stop(FaultedPart, for: Duration)
  /// SIGKILL; it stays down until `restart`.
  case kill(FaultedPart)
  /// Killed where it runs, then started again on the same port with the same data.
  case restart(FaultedPart)
  /// The laboratory's keys are removed from Redis.
  case flush
  /// This many messages that no reader can decode are appended to the log.
  case poison(count: Int)
  /// This share of the log's messages, chosen by the seed, is appended once more.
  case duplicates(share: Double, seed: UInt64 = 1)

  /// What is broken, by its name in commands and scenarios.
  package var target: String {
    switch self {
    case .switched(let target, _): target.rawValue
    case .stop(let part, _), .kill(let part), .restart(let part): part.rawValue
    case .flush: FaultTarget.redis.rawValue
    case .poison, .duplicates: FaultTarget.kafka.rawValue
    }
  }

  /// `database outage`, `worker killed`.
  var name: String {
    switch self {
    case .switched(_, let spec):
      "\(target) \(spec.kind.rawValue)\(spec.latencyMs.map { " of \($0) ms" } ?? "")"
        + (spec.rate.map { " (\($0))" } ?? "") + (spec.stallMs.map { " of \($0) ms" } ?? "")
    case .stop: "\(target) stopped"
    case .kill: "\(target) killed"
    case .restart: "\(target) restarted"
    case .flush: "Redis flushed"
    case .poison(let count): "\(count) poisonous messages"
    case .duplicates(let share, _): "\(Numbers.percent(share)) of the events twice"
    }
  }

  /// The random seed of a run's n-th fault: the same for all programs, and the same again when the run is repeated.
  package static func seed(ofRun seed: UInt64, fault index: Int) -> UInt64 {
    var random = Randomness(seed: seed, stream: UInt64(index) &+ 0x4641_554C_5400)
    return random.next() & FaultSpec.greatestSeed
  }

  /// With this seed, if the fault is random.
  package func seeded(_ seed: UInt64) throws(InvalidFault) -> LabFault {
    switch self {
    case .switched(let target, let spec) where spec.kind == .flaky:
      return .switched(
        target, try FaultSpec(kind: .flaky, rate: spec.rate, ttlSeconds: spec.ttlSeconds, seed: seed))
    case .duplicates(let share, _): return .duplicates(share: share, seed: seed)
    default: return self
    }
  }
}

/// What can be stopped, killed and restarted, by the name that a command or scenario gives it.
package enum FaultedPart: String, CaseIterable, Sendable {
  case database, redis, kafka, monolith, api, worker
}
