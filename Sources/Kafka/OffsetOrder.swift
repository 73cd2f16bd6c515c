/// Which offset comes next in each partition. Pure: decides whether a message may be handed on.
package struct OffsetOrder {
  package enum Verdict: Hashable {
    /// The next one.
    case next
    /// It was read before (a pause or seek reads a little twice).
    case stale
    /// Offsets in between are missing.
    case gap(expected: Int64)
    /// The partition has stopped at a problem, or is not ours.
    case stopped
  }

  private var nextOffsets: [Int32: Int64] = [:]
  private var stopped: Set<Int32> = []

  package init() {}

  /// The partitions with their next offsets.
  package var positions: [Int32: Int64] { nextOffsets }

  package func position(_ partition: Int32) -> Int64? { nextOffsets[partition] }

  /// The partition goes on from there.
  package mutating func set(_ partition: Int32, to offset: Int64) {
    nextOffsets[partition] = offset
    stopped.remove(partition)
  }

  package mutating func remove(_ partition: Int32) {
    nextOffsets[partition] = nil
    stopped.remove(partition)
  }

  /// Nothing more of the partition until `set`. False if it had stopped before.
  @discardableResult
  package mutating func stop(_ partition: Int32) -> Bool { stopped.insert(partition).inserted }

  package mutating func accept(_ partition: Int32, _ offset: Int64) -> Verdict {
    guard let expected = nextOffsets[partition], !stopped.contains(partition) else { return .stopped }
    if offset == expected {
      nextOffsets[partition] = offset + 1
      return .next
    }
    if offset < expected { return .stale }
    stopped.insert(partition)
    return .gap(expected: expected)
  }
}
