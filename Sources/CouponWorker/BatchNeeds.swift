package import CouponDomain
package import CouponStore
import Text

/// What the fold of a batch asks the database for.
package struct BatchNeeds: Equatable {
  /// The coupons of these people and periods.
  package private(set) var people: Set<PersonPeriod> = []
  /// The counters of these days.
  package private(set) var days: Set<PolicyDay> = []
  /// The policies that the batch speaks of, and how many claims are theirs.
  private var mentioned: [PolicyID: Int] = [:]
  private var lastClaim: PolicyDay?

  /// - Parameters:
  ///   - policies: every policy that was known before the batch.
  ///   - withPeople: whether what they hold is asked for.
  package init(_ batch: WorkerBatch, policies: [PolicyID: Policy], withPeople: Bool = true) {
    var policies = policies
    if withPeople { people.reserveCapacity(batch.records.count) }
    for case .success(let entry) in batch.records {
      switch entry {
      case .policyCreated(let created):
        mentioned[created.policy.id, default: 0] += 0
        if policies[created.policy.id] == nil { policies[created.policy.id] = created.policy }
      case .claim(let claim):
        mentioned[claim.policyID, default: 0] += 1
        guard let policy = policies[claim.policyID], policy.isEventDay(claim.day) else { continue }
        if withPeople {
          people.insert(PersonPeriod(policy.id, claim.userID, policy.period(of: claim.day)))
        }
        // Most batches are of one policy and one day.
        let day = PolicyDay(policy.id, claim.day)
        if day != lastClaim { days.insert(day) }
        lastClaim = day
      }
    }
  }

  /// Of the policies that are known those that the fold needs.
  package func policies(of known: [PolicyID: Policy]) -> [Policy] {
    mentioned.keys.compactMap { known[$0] }
  }

  /// How many claims of the batch are this policy's.
  package func claims(of policy: PolicyID) -> Int { mentioned[policy] ?? 0 }

  /// The days of known policies whose counters the tables do not have; nil where they have all. A policy comes with
  /// the counters of all its days.
  package func missing(
    from counters: some Sequence<PolicyDay>, policies: [PolicyID: Policy]
  ) -> MissingCounter? {
    days.subtracting(counters).first { policies[$0.policyID] != nil }.map { MissingCounter(day: $0) }
  }

  /// The policies that the batch speaks of and that are not known: they have to be looked up first.
  package static func unknownPolicies(_ batch: WorkerBatch, policies: [PolicyID: Policy]) -> Set<PolicyID> {
    var unknown: Set<PolicyID> = []
    var last: PolicyID?
    for case .success(let entry) in batch.records where entry.policyID != last {
      last = entry.policyID
      if policies[entry.policyID] == nil { unknown.insert(entry.policyID) }
    }
    return unknown
  }
}

/// A policy without the counter of one of its days: no log leads to such tables, and an UPDATE of that counter would
/// change nothing without a word.
package struct MissingCounter: Error, Hashable, CustomStringConvertible {
  package let day: PolicyDay

  package var description: String {
    "policy_day has no row of policy \(day.policyID) on \(day.day), although policy has the policy: "
      + "nothing of this batch was written; `lab rebuild --apply` makes both from the events"
  }
}

extension WorkerBatch {
  /// The policies that are known after it, if each that it creates is valid.
  func policies(after known: [PolicyID: Policy]) -> [PolicyID: Policy] {
    var policies = known
    for case .success(.policyCreated(let created)) in records where policies[created.policy.id] == nil {
      policies[created.policy.id] = created.policy
    }
    return policies
  }
}
