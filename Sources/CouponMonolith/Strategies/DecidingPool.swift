import CouponDomain
package import EventLoop
package import Faults
package import Postgres

/// The connections on which a strategy decides, and the decision in its transaction: of every strategy that has one,
/// this is the place where a coupon is decided and nothing of it is written.
@LoopActor
package struct DecidingPool {
  package let pool: PostgresPool
  /// Nil without an operator's listener.
  let seam: CouponSeam?

  package init(_ pool: PostgresPool, seam: CouponSeam? = nil) { (self.pool, self.seam) = (pool, seam) }

  /// - Throws: `CouponBug`: switched on.
  func decide(
    _ claim: CouponClaim, hours: Hours, _ state: IssuanceState
  ) throws(CouponBug) -> Decision {
    let decision = CouponDomain.decide(claim, hours: hours, state)
    if let seam, case .issued = decision { try seam.decided(claim.userID.description) }
    return decision
  }
}
