import EventLoop

/// A share of the uses fails, drawn from a seed: half of them before anything is sent, the other half after
/// the call was made, and its answer is lost.
package struct FlakyFault: Fault {
  private let rate: Double
  private var state: UInt64

  package init(rate: Double, seed: UInt64) { (self.rate, state) = (rate, seed) }

  package mutating func effect() -> FaultEffect {
    let draw = next()
    guard Double(draw >> 11) * 0x1p-53 < rate else { return .none }
    return .now(next() & 1 == 0 ? .refusedByASwitch : .proceedUnanswered)
  }

  /// SplitMix64.
  private mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
