package import CouponDomain
package import CouponStore
package import Text

/// What a process has folded from the log: every policy, and the winners of each day with their ranks.
///
/// A message counts only when its offset is the next one of its partition. After a gap the partition is never ready
/// again: what was missed cannot be guessed.
///
/// A class, because a question to a struct in another module is asked of a copy, which counts a reference for each table.
package final class CouponList {
  private struct Partition {
    var next: Int64 = 0
    /// The end of the log when this process started; nil until it is known.
    var target: Int64?
    var problem: LogProblem?
  }

  private var partitions: [Partition]
  private var ledger: LogLedger

  /// - Parameter ledger: empty, with the key and the partitioning of this log.
  package init(partitions: Int, ledger: LogLedger) {
    self.partitions = Array(repeating: Partition(), count: partitions)
    self.ledger = ledger
  }

  // MARK: - Reading the log

  /// A partition is ready when everything before `offset`, the log's end at the start, has been read.
  package func mustReach(_ offset: Int64, in partition: Int) {
    partitions[partition].target = offset
  }

  package func stop(_ partition: Int, _ problem: LogProblem) {
    if partitions[partition].problem == nil { partitions[partition].problem = problem }
  }

  /// Takes the next message of a partition in; nil where it is not the next one, or the partition has stopped.
  package func take(_ read: ReadEntry, partition: Int, offset: Int64) -> LogOutcome? {
    take(partition, offset) { ledger in ledger.apply(read, partition: Int32(partition)) }
  }

  /// The same for a claim that this very process has sent: it came back byte for byte, so there is no objection to it.
  package func take(own claim: CouponClaim, partition: Int, offset: Int64) -> LogOutcome? {
    take(partition, offset) { ledger in ledger.apply(sound: claim) }
  }

  private func take(
    _ partition: Int, _ offset: Int64, _ apply: (inout LogLedger) -> LogOutcome
  ) -> LogOutcome? {
    guard partitions[partition].problem == nil else { return nil }
    let expected = partitions[partition].next
    guard offset == expected else {
      stop(partition, .gap(expected: expected, found: offset))
      return nil
    }
    let outcome = apply(&ledger)
    if case .stop(let reason) = outcome {
      stop(partition, .unknownEvent(offset: offset, reason: reason))
      return nil
    }
    partitions[partition].next = offset + 1
    return outcome
  }

  // MARK: - Asking

  /// Why coupons of this partition cannot be given out yet, or any more.
  package enum Standing: Hashable, Sendable {
    case ready
    case catchingUp
    case stopped(LogProblem)
  }

  package func standing(of partition: Int) -> Standing {
    let partition = partitions[partition]
    if let problem = partition.problem { return .stopped(problem) }
    guard let target = partition.target, partition.next >= target else { return .catchingUp }
    return .ready
  }

  package func nextOffset(of partition: Int) -> Int64 { partitions[partition].next }

  package func policy(_ id: PolicyID) -> Policy? { ledger[id]?.policy }
  package var policies: [Policy] { ledger.policies }

  /// What the rule says of this person on this day; nil where there is room.
  package func refusal(of user: UserID, on day: Day, hours: Hours, in policy: PolicyID) -> Refusal? {
    ledger.refusal(of: user, on: day, hours: hours, in: policy)
  }

  package func coupon(of user: UserID, on day: Day, in policy: PolicyID) -> Coupon? {
    ledger[policy]?.coupon(of: user, on: day)
  }

  /// Whether the person has a rank of exactly this day: under `once`, yesterday's coupon is not one.
  package func isWinner(_ user: UserID, on day: Day, in policy: PolicyID) -> Bool {
    coupon(of: user, on: day, in: policy)?.claim.day == day
  }

  package func latestCoupon(of user: UserID, in policy: PolicyID) -> Coupon? {
    ledger[policy]?.latestCoupon(of: user)
  }

  package func isFull(on day: Day, in policy: PolicyID) -> Bool { ledger.isFull(on: day, in: policy) }
  package func issued(on day: Day, in policy: PolicyID) -> Int { ledger[policy]?.issued(on: day) ?? 0 }

  /// The winners of a day among `count` coupons of its period from the one at `index`, and the index to go on from; nil
  /// behind the last.
  package func winners(
    on day: Day, in policy: PolicyID, from index: Int, lookingAt count: Int
  ) -> (winners: [UserID], next: Int?) {
    guard let slice = ledger[policy]?.coupons(on: day, from: index, lookingAt: count) else {
      return ([], nil)
    }
    return (slice.found.map(\.claim.userID), slice.next)
  }
}
