package import CouponDomain
package import CouponStore
package import Text

/// A bite of one partition: what has to be loaded for it, and what it comes to when folded in log order.
///
///     messages ─▶ needs ─▶ (load, under the lock of the partition's offset) ─▶ fold ─▶ rows, counters, next offset
package struct WorkerBatch {
  package let partition: Int
  package let first: Int64
  package let records: [LogRecord]

  /// Takes the messages up to where their offsets stop following each other; nil where there are none.
  package init?(partition: Int, _ messages: some Sequence<(offset: Int64, record: LogRecord)>) {
    var records: [LogRecord] = []
    var first: Int64?
    for (offset, record) in messages {
      let start = first ?? offset
      guard offset == start + Int64(records.count) else { break }
      first = start
      records.append(record)
    }
    guard let first else { return nil }
    (self.partition, self.first, self.records) = (partition, first, records)
  }
}

/// What the fold of a batch asks the database for.
package struct BatchNeeds: Equatable {
  /// The coupons of these people and periods.
  package private(set) var people: Set<PersonPeriod> = []
  /// The counters of these days.
  package private(set) var days: Set<PolicyDay> = []
  private var mentioned: Set<PolicyID> = []

  /// - Parameter policies: every policy that was known before the batch.
  package init(_ batch: WorkerBatch, policies: [PolicyID: Policy]) {
    var policies = policies
    for case .entry(let entry) in batch.records {
      mentioned.insert(entry.policyID)
      switch entry {
      case .policyCreated(let created):
        if policies[created.policy.id] == nil { policies[created.policy.id] = created.policy }
      case .claim(let claim):
        guard let policy = policies[claim.policyID], policy.isEventDay(claim.day) else { continue }
        people.insert(PersonPeriod(policy.id, claim.userID, policy.period(of: claim.day)))
        days.insert(PolicyDay(policy.id, claim.day))
      }
    }
  }

  /// Of the policies that are known those that the fold needs.
  package func policies(of known: [PolicyID: Policy]) -> [Policy] {
    mentioned.compactMap { known[$0] }
  }

  /// The policies that the batch speaks of and that are not known: they have to be looked up first.
  package static func unknownPolicies(_ batch: WorkerBatch, policies: [PolicyID: Policy]) -> Set<PolicyID> {
    var unknown: Set<PolicyID> = []
    for case .entry(let entry) in batch.records where policies[entry.policyID] == nil {
      unknown.insert(entry.policyID)
    }
    return unknown
  }
}

/// What a batch writes, in one transaction with the next offset.
package struct BatchResult {
  package struct Issued {
    package let index: Int
    package let coupon: Coupon
    package let period: Day
  }

  package struct Counter: Hashable {
    package let policyID: PolicyID
    package let day: Day
    package let quota: Int
    package let issued: Int
  }

  /// The policies that begin here, each with the index of its message in the batch.
  package private(set) var policies: [(index: Int, created: PolicyCreated)] = []
  package private(set) var issued: [Issued] = []
  package private(set) var counters: [Counter] = []
  package private(set) var deadLetters: [(index: Int, reason: String)] = []
  /// The offset after the last message that counts.
  package private(set) var next: Int64
  /// Why the message at `next` must not be applied, nor any after it.
  package private(set) var problem: LogProblem?

  /// Folds the batch over what was loaded, with the same decider as every list.
  ///
  /// - Parameters:
  ///   - empty: a ledger with the key and the partitioning of this log.
  ///   - known: at least the policies of the batch that were there before it.
  ///   - coupons: what the people of `BatchNeeds` hold.
  ///   - loaded: what the days of `BatchNeeds` have issued; days without a row are at 0.
  ///   - decides: false where Redis has decided: then every claim that is anybody's is a coupon without a rank, and
  ///     the tables know whose is a second one.
  package init(
    _ batch: WorkerBatch, over empty: LogLedger, policies known: some Sequence<Policy>, coupons: [Coupon],
    counters loaded: [(day: PolicyDay, issued: Int)], decides: Bool = true, bug: PlantedBug? = nil
  ) {
    next = batch.first
    var ledger = empty
    for policy in known { ledger.seed(policy) }
    for coupon in coupons { ledger.seed(coupon) }
    for (day, issued) in loaded { ledger.seed(issued: issued, on: day.day, of: day.policyID) }

    var touched: [PolicyDay] = []
    var seen: Set<PolicyDay> = []
    fold: for index in batch.order(bug) {
      if bug == .skipsEvent, batch.firstClaim == index {
        next += 1
        continue
      }
      switch ledger.apply(batch.records[index], partition: batch.partition) {
      case .policyCreated(let created): policies.append((index, created))
      case .issued(let coupon):
        let day = PolicyDay(coupon.claim.policyID, coupon.claim.day)
        issue(Coupon(claim: coupon.claim, rank: decides ? coupon.rank : nil), index, ledger)
        if bug == .countsTwice, issued.count == 1 {
          ledger.seed(issued: (coupon.rank ?? 0) + 1, on: day.day, of: day.policyID)
        }
        if seen.insert(day).inserted { touched.append(day) }
      case .dropped(let claim, _):
        if !decides { issue(Coupon(claim: claim, rank: nil), index, ledger) }
      case .deadLetter(let reason): deadLetters.append((index, reason))
      case .duplicatePolicy: break
      case .stop(let reason):
        problem = .unknownEvent(offset: next, reason: reason)
        break fold
      }
      next += 1
    }
    counters = touched.compactMap { day in
      ledger[day.policyID].map {
        Counter(
          policyID: day.policyID, day: day.day, quota: $0.policy.dailyQuota, issued: $0.issued(on: day.day))
      }
    }
  }

  private mutating func issue(_ coupon: Coupon, _ index: Int, _ ledger: LogLedger) {
    guard let policy = ledger[coupon.claim.policyID]?.policy else { preconditionFailure("no policy") }
    issued.append(Issued(index: index, coupon: coupon, period: policy.period(of: coupon.claim.day)))
  }
}

extension WorkerBatch {
  /// The order of the log, but for one mistake.
  fileprivate func order(_ bug: PlantedBug?) -> [Int] {
    guard bug == .groupsByDay else { return Array(records.indices) }
    return records.indices.sorted { (day(of: $0), $0) < (day(of: $1), $1) }
  }

  private func day(of index: Int) -> Day {
    if case .entry(.claim(let claim)) = records[index] { claim.day } else { Day(number: .min) }
  }

  fileprivate var firstClaim: Int? {
    records.firstIndex { if case .entry(.claim) = $0 { true } else { false } }
  }
}
