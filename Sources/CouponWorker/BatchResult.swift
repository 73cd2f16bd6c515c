package import CouponLog
package import CouponDomain
package import CouponStore
package import Text

/// What a batch writes, in one transaction with the next offset.
package struct BatchResult {
  package struct Issued {
    /// Of its message in the batch.
    package var index: Int
    package let coupon: Coupon
    package let period: Day
    /// The day's counter after it; 0 where Redis decides, for then the tables count.
    package var count: Int
  }

  /// The policies that begin here, each with the index of its message in the batch.
  package var policies: [(index: Int, created: PolicyCreated)] = []
  package var issued: [Issued] = []
  package var deadLetters: [(index: Int, reason: String)] = []
  /// The offset after the last message that counts.
  package var next: Int64
  /// Why the message at `next` must not be applied, nor any after it.
  package var problem: LogProblem?

  /// Folds the batch with the same decider as every list.
  ///
  /// - Parameters:
  ///   - ledger: with the policies of the batch that were there before it, and what the people and the days of
  ///     `BatchNeeds` have.
  ///   - decides: false if Redis has decided: every valid claim becomes a coupon without a rank; the INSERT skips a
  ///     person's second one.
  package init(_ batch: WorkerBatch, over ledger: LogLedger, decides: Bool = true) {
    next = batch.first
    var ledger = ledger
    for (index, read) in batch.records.enumerated() {
      switch ledger.apply(read, partition: Int32(batch.partition)) {
      case .policyCreated(let created): policies.append((index, created))
      case .issued(let coupon):
        issue(decides ? coupon : Coupon(claim: coupon.claim, rank: nil), index, ledger)
      case .dropped(let claim, _):
        if !decides { issue(Coupon(claim: claim, rank: nil), index, ledger) }
      case .deadLetter(let reason): deadLetters.append((index, reason))
      case .duplicatePolicy: break
      case .stop(let reason):
        problem = .unknownEvent(offset: next, reason: reason)
        return
      }
      next += 1
    }
  }

  private mutating func issue(_ coupon: Coupon, _ index: Int, _ ledger: LogLedger) {
    guard let policy = ledger[coupon.claim.policyID]?.policy else { preconditionFailure("no policy") }
    // Ranks follow each other: the last winner's is the day's counter.
    issued.append(
      Issued(
        index: index, coupon: coupon, period: policy.period(of: coupon.claim.day), count: coupon.rank ?? 0))
  }
}

extension LogLedger {
  /// The same with what was loaded for a batch. Days without a counter have issued nothing.
  package func seeded(
    policies: some Sequence<Policy>, coupons: [Coupon], counters: [(day: PolicyDay, issued: Int)]
  ) -> LogLedger {
    var ledger = self
    for policy in policies { ledger.seed(policy) }
    for coupon in coupons { ledger.seed(coupon) }
    for (day, issued) in counters { ledger.seed(issued: issued, on: day.day, of: day.policyID) }
    return ledger
  }

  /// The same after a batch that the tables did not have when the seeds were loaded.
  package func after(_ result: BatchResult) -> LogLedger {
    var ledger = self
    for issued in result.issued {
      let claim = issued.coupon.claim
      ledger.seed(issued.coupon)
      ledger.seed(issued: issued.count, on: claim.day, of: claim.policyID)
    }
    return ledger
  }
}
