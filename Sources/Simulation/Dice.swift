/// Randomness from a seed (SplitMix64): the same seed plays the same schedule, on every machine.
struct Dice {
  private var state: UInt64

  init(seed: UInt64) {
    // Mixed once before, so that neighbouring seeds do not walk the same path one step apart.
    state = seed &* 0xd605_bbb5_8c8a_bc6d &+ 0x1234_5678_9abc_def1
    state = word() &* 0xaef1_7502_108e_f2d9
  }

  mutating func word() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func below(_ bound: Int) -> Int { Int(word() % UInt64(max(1, bound))) }
  mutating func within(_ range: ClosedRange<Int>) -> Int { range.lowerBound + below(range.count) }

  /// True in `percent` of a hundred throws.
  mutating func chance(_ percent: Int) -> Bool { percent > 0 && below(100) < percent }
  mutating func pick<T>(_ choices: [T]) -> T { choices[below(choices.count)] }
}
