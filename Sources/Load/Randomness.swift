import Foundation

/// SplitMix64, so that one seed gives the same schedule with every version of Swift.
package struct Randomness: Sendable {
  private var state: UInt64

  /// One seed, several independent streams: one for each use, so that one use's draws never shift another's.
  package init(seed: UInt64, stream: UInt64) {
    var mixer = seed
    _ = Randomness.next(&mixer)
    state = mixer ^ (stream &* 0xD1B5_4A32_D192_ED03)
    _ = next()
  }

  package mutating func next() -> UInt64 { Randomness.next(&state) }

  /// Uniform in 0..<1.
  package mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// Uniform in 0..<bound.
  package mutating func integer(below bound: Int) -> Int { min(Int(unit() * Double(bound)), bound - 1) }

  /// Exponentially distributed with a mean of 1: the gaps of a Poisson process.
  package mutating func exponential() -> Double { -log(1 - unit()) }

  private static func next(_ state: inout UInt64) -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
