import TestSupport

/// Randomness from a seed (SplitMix64): the same seed plays the same schedule, on every machine.
struct Dice {
  private var words: SeededGenerator

  init(seed: UInt64) {
    // Mixed once before, so that neighbouring seeds do not walk the same path one step apart.
    words = SeededGenerator(seed: seed &* 0xd605_bbb5_8c8a_bc6d &+ 0x1234_5678_9abc_def1)
    words = SeededGenerator(seed: words.next() &* 0xaef1_7502_108e_f2d9)
  }

  mutating func word() -> UInt64 { words.next() }

  mutating func below(_ bound: Int) -> Int { Int(word() % UInt64(max(1, bound))) }
  mutating func within(_ range: ClosedRange<Int>) -> Int { range.lowerBound + below(range.count) }

  /// True in `percent` of a hundred throws.
  mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
  mutating func pick<T>(_ choices: [T]) -> T { choices[below(choices.count)] }
}
