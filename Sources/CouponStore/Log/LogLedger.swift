package import CouponDomain
package import Text

/// The effect of one message of the log, the same for every reader that folds it.
package enum LogOutcome: Hashable, Sendable {
  case policyCreated(PolicyCreated)
  /// A later event for an existing policy's id: the first one counts.
  case duplicatePolicy(PolicyCreated)
  case issued(Coupon)
  /// A claim beyond the quota, or a person's second one.
  case dropped(CouponClaim, Refusal)
  /// `reason` is one of a few phrases and quotes nothing.
  case deadLetter(reason: String)
  /// The reader must stop: it would decide differently from readers that understand the message.
  case stop(reason: String)
}

/// The log folded over all policies, shared by the API's list, the worker's batch, a rebuild and the checker.
///
///     bytes ── LogCodec ──▶ entry ── objections ──▶ PolicyLedger (decide, evolve) ──▶ outcome
///
/// Nothing here depends on clock, zone, machine or the order of arrival between partitions: every reader gets
/// the same result.
package struct LogLedger: Sendable {
  private let key: CouponKey
  private let partitionOf: @Sendable (PolicyID) -> Int32
  private var entries: [Entry] = []
  private var places = PolicyPlaces()
  /// How many coupons of a period it makes room for; nil: the quota.
  private var expected: (@Sendable (PolicyID) -> Int)?

  /// `partitionOf` returns the partition of a policy's key: the entries of a policy have one order only while
  /// they share a partition.
  package init(key: CouponKey, partitionOf: @escaping @Sendable (PolicyID) -> Int32) {
    (self.key, self.partitionOf) = (key, partitionOf)
  }

  /// The same with room for so many coupons of a period instead of the whole quota: for the fold of one batch.
  package func expecting(_ coupons: @escaping @Sendable (PolicyID) -> Int) -> LogLedger {
    var ledger = self
    ledger.expected = coupons
    return ledger
  }

  /// The known policies, by id.
  package var policies: [Policy] { entries.map(\.coupons.policy).sorted { $0.id < $1.id } }

  /// The state of one policy; nil if it is unknown.
  package subscript(policy: PolicyID) -> PolicyLedger? { places[policy].map { entries[$0].coupons } }

  /// Why this person gets no coupon on this day; nil if there is one. The policy must be known.
  ///
  /// Changes nothing; `mutating`, as `PolicyLedger`'s, lets it be asked where it lies, for every request, instead of a copy.
  package mutating func refusal(of user: UserID, on day: Day, hours: Hours, in policy: PolicyID) -> Refusal? {
    guard let place = places[policy] else { preconditionFailure("no policy \(policy)") }
    return entries[place].coupons.refusal(of: user, on: day, hours: hours)
  }

  /// Whether the day is sold out; false for an unknown policy. `mutating` like `refusal`.
  package mutating func isFull(on day: Day, in policy: PolicyID) -> Bool {
    guard let place = places[policy] else { return false }
    return entries[place].coupons.isFull(on: day)
  }

  // MARK: Seeds, for a fold that continues from the database

  /// A policy that is already known keeps its state.
  package mutating func seed(_ policy: Policy) {
    if places[policy.id] == nil { add(policy) }
  }

  package mutating func seed(issued: Int, on day: Day, of policy: PolicyID) {
    if let place = places[policy] { entries[place].coupons.seed(issued: issued, on: day) }
  }

  package mutating func seed(_ coupon: Coupon) {
    if let place = places[coupon.claim.policyID] { entries[place].coupons.seed(coupon) }
  }

  private mutating func add(_ policy: Policy) {
    places.set(policy.id, to: entries.count)
    entries.append(
      Entry(coupons: PolicyLedger(policy, expecting: expected?(policy.id)), partition: partitionOf(policy.id))
    )
  }

  // MARK: The fold

  /// Applies the next message of a partition.
  package mutating func apply(_ message: [UInt8], partition: Int32) -> LogOutcome {
    apply(LogCodec.read(message), partition: partition)
  }

  /// The same for a message that was decoded before, when a batch was planned.
  package mutating func apply(_ read: ReadEntry, partition: Int32) -> LogOutcome {
    switch read {
    case .success(let entry): apply(entry, partition: partition)
    case .failure(.poison(let reason)): .deadLetter(reason: reason)
    case .failure(.unknown(let reason)): .stop(reason: reason)
    }
  }

  /// The same for an entry.
  package mutating func apply(_ entry: LogEntry, partition: Int32) -> LogOutcome {
    switch entry {
    case .policyCreated(let created): return apply(created, partition: partition)
    case .claim(let claim):
      if let reason = objection(to: claim, partition: partition) { return .deadLetter(reason: reason) }
      return apply(sound: claim)
    }
  }

  /// The same for a claim without an `objection`, such as one that this process created.
  package mutating func apply(sound claim: CouponClaim) -> LogOutcome {
    guard let place = places[claim.policyID] else { return .deadLetter(reason: LogLedger.unknownPolicy) }
    return switch entries[place].coupons.apply(claim) {
    case .issued(let coupon): .issued(coupon)
    case .refused(let refusal): .dropped(claim, refusal)
    }
  }

  /// Why a claim can never be decided, regardless of what was issued before it; nil if it can.
  package func objection(to claim: CouponClaim, partition: Int32) -> String? {
    guard let place = places[claim.policyID] else { return LogLedger.unknownPolicy }
    return entries.span[place].objection(to: claim, partition, key)
  }

  private mutating func apply(_ created: PolicyCreated, partition: Int32) -> LogOutcome {
    let id = created.policy.id
    guard partitionOf(id) == partition else { return .deadLetter(reason: LogLedger.wrongPartition) }
    guard created.keyHash == key.keyHash(of: id) else {
      return .stop(reason: "the log was written with another COUPON_KEY")
    }
    guard places[id] == nil else { return .duplicatePolicy(created) }
    add(created.policy)
    return .policyCreated(created)
  }

  fileprivate static let unknownPolicy = "unknown policy"
  fileprivate static let wrongPartition = "not the partition of its policy"
}

/// One policy's coupons, and the partition that its entries share.
private struct Entry: Sendable {
  var coupons: PolicyLedger
  let partition: Int32

  func objection(to claim: CouponClaim, _ partition: Int32, _ key: CouponKey) -> String? {
    guard self.partition == partition else { return LogLedger.wrongPartition }
    guard coupons.policy.isEventDay(claim.day) else { return "a day outside the event" }
    guard key.couponID(of: claim.userID, on: claim.day, coupons.policy) == claim.couponID else {
      return "not the coupon id of person and period"
    }
    return nil
  }
}
