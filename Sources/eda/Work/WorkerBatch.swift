package import CouponDomain

/// A bite of one partition: what has to be loaded for it, and what it comes to when folded in log order.
///
///     messages ─▶ needs ─▶ (load, under the lock of the partition's offset) ─▶ fold ─▶ rows, counters, next offset
package struct WorkerBatch {
  package let first: Int64
  package private(set) var entries: [LogRecord]
  /// Why the messages after these must not be applied.
  package private(set) var problem: LogProblem?

  /// Cuts the messages where their offsets stop following each other or one is not to be understood.
  package init?(_ messages: some Sequence<(offset: Int64, entry: LogRecord)>) {
    var entries: [LogRecord] = []
    var first: Int64?
    var problem: LogProblem?
    for (offset, entry) in messages {
      let start = first ?? offset
      guard offset == start + Int64(entries.count) else { break }
      first = start
      if case .unknown(let reason) = entry {
        problem = .unknownEvent(offset: offset, reason: reason)
        break
      }
      entries.append(entry)
    }
    guard let first else { return nil }
    (self.first, self.entries, self.problem) = (first, entries, problem)
  }

  package var next: Int64 { first + Int64(entries.count) }
  package var isEmpty: Bool { entries.isEmpty }
}

/// What the fold of a batch asks the database for.
package struct BatchNeeds: Equatable {
  package struct Person: Hashable {
    package let policyID: PolicyID
    package let period: Day
    package let userID: UserID
  }
  package struct PolicyDay: Hashable {
    package let policyID: PolicyID
    package let day: Day
    package init(policyID: PolicyID, day: Day) { (self.policyID, self.day) = (policyID, day) }
  }

  /// The coupons of these people and periods.
  package private(set) var people: Set<Person> = []
  /// The counters of these days.
  package private(set) var days: Set<PolicyDay> = []

  /// - Parameter policies: every policy that was known before the batch.
  package init(_ batch: WorkerBatch, policies: [PolicyID: Policy]) {
    var policies = policies
    for entry in batch.entries {
      switch entry {
      case .policy(let policy, _): if policies[policy.id] == nil { policies[policy.id] = policy }
      case .claim(let claim):
        guard let policy = policies[claim.policyID], policy.isEventDay(claim.day) else { continue }
        people.insert(
          Person(policyID: policy.id, period: policy.period(of: claim.day), userID: claim.userID))
        days.insert(PolicyDay(policyID: policy.id, day: claim.day))
      case .unreadable, .unknown: break
      }
    }
  }

  /// The policies that the batch speaks of and that are not known: they have to be looked up first.
  package static func unknownPolicies(_ batch: WorkerBatch, policies: [PolicyID: Policy]) -> Set<PolicyID> {
    var created: Set<PolicyID> = []
    var unknown: Set<PolicyID> = []
    for entry in batch.entries {
      switch entry {
      case .policy(let policy, _):
        if policies[policy.id] == nil { unknown.insert(policy.id) }
        created.insert(policy.id)
      case .claim(let claim):
        if policies[claim.policyID] == nil, !created.contains(claim.policyID) { unknown.insert(claim.policyID) }
      case .unreadable, .unknown: break
      }
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

  /// The policies that begin here, with the index of their message in the batch.
  package private(set) var policies: [(index: Int, policy: Policy, eventID: EventID)] = []
  package private(set) var issued: [Issued] = []
  package private(set) var counters: [Counter] = []
  package private(set) var deadLetters: [(index: Int, reason: String)] = []

  /// Folds the batch over what was loaded, with the same decider as every list.
  ///
  /// - Parameters:
  ///   - coupons: what the people of `BatchNeeds` hold.
  ///   - counters: what the days of `BatchNeeds` have issued; days without a row are at 0.
  package init(
    _ batch: WorkerBatch, policies known: [PolicyID: Policy], coupons: [Coupon],
    counters loaded: [(day: BatchNeeds.PolicyDay, issued: Int)]
  ) {
    var ledger = LogLedger()
    for policy in known.values { ledger[policy.id] = PolicyLedger(policy) }
    for coupon in coupons { ledger[coupon.claim.policyID]?.seed(coupon) }
    for (day, issued) in loaded { ledger[day.policyID]?.seed(issued: issued, on: day.day) }

    var touched: [BatchNeeds.PolicyDay] = []
    var seen: Set<BatchNeeds.PolicyDay> = []
    for (index, entry) in batch.entries.enumerated() {
      switch ledger.apply(entry) {
      case .created(let policy, let eventID): policies.append((index, policy, eventID))
      case .issued(let coupon, let policy, _):
        issued.append(
          Issued(index: index, coupon: coupon, period: policy.period(of: coupon.claim.day)))
        let day = BatchNeeds.PolicyDay(policyID: policy.id, day: coupon.claim.day)
        if seen.insert(day).inserted { touched.append(day) }
      case .deadLetter(let reason): deadLetters.append((index, reason))
      case .exists, .refused: break
      case .unknown: preconditionFailure("a batch ends before what it does not know")
      }
    }
    counters = touched.compactMap { day in
      ledger[day.policyID].map {
        Counter(
          policyID: day.policyID, day: day.day, quota: $0.policy.dailyQuota, issued: $0.issued(on: day.day))
      }
    }
  }
}
