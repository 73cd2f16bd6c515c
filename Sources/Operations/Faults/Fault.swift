/// What a switched-on fault does to the uses of one server. One fault a file, and one that does nothing.
///
///     use ──▶ fault.effect ──▶ .none        the use happens
///                          ├─▶ .refuse      nothing was sent, and that is known
///                          ├─▶ .silence     nothing comes back until the deadline
///                          ├─▶ .delay       the use happens later
///                          └─▶ .loseAnswer  the use happens, its answer is lost
package protocol Fault: Sendable {
  /// Asked before each use.
  mutating func effect() -> FaultEffect
}

package enum FaultEffect: Hashable, Sendable {
  case none
  case refuse
  case silence
  case delay(Duration)
  case loseAnswer
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
