import CouponDomain
import CouponStore
import EventLoop
import Postgres
import Text

/// The strategy `atomic-update`: one statement compares and counts, and writes event and coupon if there is
/// room.
///
///     trip 1   UPDATE … SET issued = issued + 1 WHERE issued < quota RETURNING issued, with both INSERTs
///
/// The row is locked only while the server runs this statement and commits, not during a round trip. The
/// price is a copy of the domain's quota rule in SQL (and of the person's rule in the primary key): that is
/// the idea of this strategy, and the only place where a rule is repeated.
struct AtomicUpdate: Issuance {
  let pool: PostgresPool

  func decide(
    _ claim: CouponClaim, hours: Hours, of policy: Policy, deadline: Instant
  ) async throws -> Decision {
    // The hours need no lock: the domain decides on them.
    let room = IssuanceState(policy: policy, issued: 0, held: nil)
    if let refusal = refusal(hours: hours, room) { return .refused(refusal) }
    let (statement, values) = IssuanceSQL.takeSlotAndRecord(claim, of: policy)
    let slot = try await pool.query(statement, values, deadline: deadline)
    if slot.count > 0, let rank = slot.int(0, 0) {
      return .issued(Coupon(claim: claim, rank: Int(rank)))
    }
    // No room. A person with two concurrent requests may hold one of the coupons by now.
    let (find, who) = IssuanceSQL.find(claim.userID, on: claim.day, of: policy)
    let held = try IssuanceSQL.coupon(await pool.query(find, who, deadline: deadline))
    return CouponDomain.decide(
      claim, hours: hours, IssuanceState(policy: policy, issued: policy.dailyQuota, held: held))
  }
}
