import CouponWorker
import CouponDomain
import CouponStore
import Text

/// The tables that the worker writes, with the lock on a partition's offset.
final class SimDatabase {
  struct CouponKey: Hashable {
    let policyID: PolicyID
    let userID: UserID
    let period: Day
  }

  struct Row: Equatable {
    let coupon: Coupon
    let day: Day
  }

  private(set) var nextOffsets: [Int64] = Array(repeating: 0, count: SimKafka.partitions)
  private(set) var policies: [PolicyID: Policy] = [:]
  private(set) var coupons: [CouponKey: Row] = [:]
  private(set) var counters: [PolicyDay: Int] = [:]
  private(set) var deadLetters: [[Int64]] = Array(repeating: [], count: SimKafka.partitions)
  var isDown = false
  /// Who holds the lock of a partition's row.
  private var locks: [Int?] = Array(repeating: nil, count: SimKafka.partitions)
  private var transactions = 0

  /// Begins a transaction and locks the row: its number, or nil where another has the lock or the server is away.
  func begin(_ partition: Int) -> Int? {
    guard !isDown, locks[partition] == nil else { return nil }
    transactions += 1
    locks[partition] = transactions
    return transactions
  }

  func abort(_ transaction: Int) {
    for (partition, lock) in locks.enumerated() where lock == transaction { locks[partition] = nil }
  }

  func abortAll() { locks = Array(repeating: nil, count: locks.count) }

  func coupons(of people: Set<PersonPeriod>) -> [Coupon] {
    people.compactMap {
      coupons[CouponKey(policyID: $0.policyID, userID: $0.userID, period: $0.period)]?.coupon
    }
  }

  func counters(of days: Set<PolicyDay>) -> [(day: PolicyDay, issued: Int)] {
    days.compactMap { day in counters[day].map { (day, $0) } }
  }

  enum CommitError: Error { case lostLock, unique(String) }

  func commit(
    _ transaction: Int, _ partition: Int, _ batch: WorkerBatch, _ result: BatchResult,
    checkingLock: Bool = true
  ) throws(CommitError) {
    guard !isDown, !checkingLock || locks[partition] == transaction else { throw .lostLock }
    defer { abort(transaction) }
    for issued in result.issued {
      let claim = issued.coupon.claim
      let key = CouponKey(policyID: claim.policyID, userID: claim.userID, period: issued.period)
      guard coupons[key] == nil else { throw .unique("\(claim.userID) on \(claim.day)") }
    }
    for (_, created) in result.policies { policies[created.policy.id] = created.policy }
    for issued in result.issued {
      let claim = issued.coupon.claim
      let key = CouponKey(policyID: claim.policyID, userID: claim.userID, period: issued.period)
      coupons[key] = Row(coupon: issued.coupon, day: claim.day)
      counters[PolicyDay(claim.policyID, claim.day)] = issued.count
    }
    deadLetters[partition] += result.deadLetters.map { batch.first + Int64($0.index) }
    nextOffsets[partition] = result.next
  }
}
