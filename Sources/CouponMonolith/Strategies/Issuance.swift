package import CouponDomain
package import EventLoop
package import Text

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

  /// The refusal that follows from what can no longer change, without asking the database; nil: it must be asked.
  func known(_ user: UserID, of policy: PolicyID, at time: Timestamp) -> Refusal?

  /// A read without a lock has found that `issued` coupons of the day are issued.
  func looked(at policy: Policy, on window: DayWindow, issued: Int)

  /// A read without a lock has found no such policy.
  func lookedInVain(for policy: PolicyID)
}

/// Most strategies remember nothing.
extension Issuance {
  package func known(_ user: UserID, of policy: PolicyID, at time: Timestamp) -> Refusal? { nil }
  package func looked(at policy: Policy, on window: DayWindow, issued: Int) {}
  package func lookedInVain(for policy: PolicyID) {}
}
