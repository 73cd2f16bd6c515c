package import EventLoop

/// What a switched-on fault does to the uses of one server. One fault per file, and one that does nothing.
package protocol Fault: Sendable {
  /// Asked before each use.
  mutating func effect() -> FaultEffect
}

package enum FaultEffect: Hashable, Sendable {
  /// Decided at once.
  case now(CallPermit)
  /// The use happens that much later.
  case delay(Duration)
  /// Nothing comes back.
  case hang

  package static let none = FaultEffect.now(.proceed)
}

extension FaultSpec {
  /// - Parameter seed: of a fault that draws lots.
  func fault(seed: UInt64) -> any Fault {
    switch kind {
    case .outage: OutageFault()
    case .hang: HangFault()
    case .latency: LatencyFault(milliseconds: latencyMs ?? 0)
    case .flaky: FlakyFault(rate: rate ?? 0, seed: seed)
    }
  }
}

extension CallPermit {
  package static let refusedByASwitch = CallPermit.refused("refused by a fault switch")
}
