import CouponDomain
import CouponStore
import EventLoop
import Postgres
import Text

/// The strategy `atomic-update`: one statement compares and counts, and writes event and coupon where it had room.
///
///     trip 1   UPDATE … SET issued = issued + 1 WHERE issued < quota RETURNING issued, with both INSERTs
///
/// The row is locked only while the server runs this statement and commits, not while anything travels. The price is
/// the rule of the quota in SQL, a second copy of the domain's (and the person's in the primary key): that is the
/// idea of this strategy, and the only place where a rule is repeated.
struct AtomicUpdate: Issuance {
  let pool: PostgresPool

  func decide(
    _ claim: CouponClaim, hours: Hours, of policy: Policy, deadline: Instant
  ) async throws -> Decision {
    // The hours need no lock: the answer is the domain's.
    let room = IssuanceState(policy: policy, issued: 0, held: nil)
    if let refusal = refusal(hours: hours, room) { return .refused(refusal) }
    let (statement, values) = IssuanceSQL.takeSlotAndRecord(claim, of: policy)
    let slot = try await pool.query(statement, values, deadline: deadline)
    if slot.count > 0, let rank = slot.int(0, 0) {
      return .issued(Coupon(claim: claim, rank: Int(rank)))
    }
    // No room. A person who asked twice at once may hold one of the coupons by now.
    let (find, who) = IssuanceSQL.find(claim.userID, on: claim.day, of: policy)
    let held = try IssuanceSQL.coupon(await pool.query(find, who, deadline: deadline))
    return CouponDomain.decide(
      claim, hours: hours, IssuanceState(policy: policy, issued: policy.dailyQuota, held: held))
  }
}
