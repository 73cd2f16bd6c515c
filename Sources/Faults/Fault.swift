package import EventLoop

/// What an active fault does to the uses of one server. One fault per file, including one that does nothing.
package protocol Fault: Sendable {
  /// Called before each use.
  mutating func effect() -> FaultEffect
}

package enum FaultEffect: Hashable, Sendable {
  /// Decided at once.
  case now(CallPermit)
  /// The use is delayed by this much.
  case delay(Duration)
  /// The use gets no answer.
  case hang

  package static let none = FaultEffect.now(.proceed)
}

extension FaultSpec {
  /// What it does to the uses of a server.
  ///
  /// - Parameter seed: for faults that draw at random.
  func fault(seed: UInt64) -> any Fault {
    switch kind {
    case .outage: OutageFault()
    case .hang: HangFault()
    case .latency: LatencyFault(milliseconds: latencyMs ?? 0)
    case .flaky: FlakyFault(rate: rate ?? 0, seed: seed)
    case .crash, .stall, .error: NoFault()
    }
  }
}

extension CallPermit {
  package static let refusedByASwitch = CallPermit.refused("refused by a fault switch")
}
