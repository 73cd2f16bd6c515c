package import Faults

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
  /// So many messages that are nobody's are put into the log.
  case poison(count: Int)
  /// That share of the log's messages is put into it once more; which ones is drawn from the seed.
  case duplicates(share: Double, seed: UInt64 = 1)
}

/// What can be stopped, killed and restarted, by the name that a command or scenario gives it.
package enum FaultedPart: String, CaseIterable, Sendable {
  case database, redis, kafka, monolith, api, worker

  package var part: LabPart {
    switch self {
    case .database: .postgres
    case .redis: .redis
    case .kafka: .kafka
    case .monolith: .monolith
    case .api: .edaAPI
    case .worker: .edaWorker
    }
  }
}

/// That a fault was there, and that it has bitten (I13).
package struct LabFaultRecord: Hashable, Sendable {
  package let fault: LabFault
  /// Wall clock, milliseconds since 1970.
  package let begun: Int64
  /// Nil while it lasts, or where nobody has ended it.
  package var ended: Int64?
  /// How often a switch has bitten, or how many messages or keys were concerned; nil where nothing counts.
  package var bites: Int?

  package init(_ fault: LabFault, begun: Int64, ended: Int64? = nil, bites: Int? = nil) {
    (self.fault, self.begun, self.ended, self.bites) = (fault, begun, ended, bites)
  }
}
