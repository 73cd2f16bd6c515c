package import CouponDomain
package import EventLoop

/// The seam of the monolith's strategies: how a claim that the read without a lock let through becomes a
/// coupon.
///
/// Whatever a strategy does, its answer reflects what the database has committed. A unique violation means
/// that another request of the same person was faster: the service then reads everything again.
@LoopActor
package protocol Issuance {
  /// - Throws: `PostgresError`; `commitUnknown` if the coupon may have been issued. `SchemaError`,
  ///   `TooManyConflicts`.
  func decide(_ claim: CouponClaim, hours: Hours, of policy: Policy, deadline: Instant) async throws
    -> Decision
}
