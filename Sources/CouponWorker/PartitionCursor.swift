package import CouponLog
/// Where a worker stands in one partition: the database says, Kafka's own group offset is only a hint.
package struct PartitionCursor {
  package enum Step: Hashable, Sendable {
    /// The batch begins where the database goes on.
    case apply
    /// Throw the batch away and read from there.
    case seek(Int64)
    case stop(LogProblem)
  }

  private var soughtTo: Int64?

  package init() {}

  /// - Parameters:
  ///   - first: the offset of the first message at hand.
  ///   - stored: `next_offset`, read under its lock.
  package mutating func step(first: Int64, stored: Int64) -> Step {
    if first == stored {
      soughtTo = nil
      return .apply
    }
    // Read from there, and something later came: what lies between is gone.
    if soughtTo == stored, first > stored { return .stop(.gap(expected: stored, found: first)) }
    soughtTo = stored
    return .seek(stored)
  }
}
