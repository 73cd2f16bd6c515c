package import CouponDomain
import CouponStore
package import EventLoop
import Postgres
import Text

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

/// The strategies of the monolith (`COUPON_STRATEGY`), the default first.
package enum MonolithStrategy: String, CaseIterable, Sendable {
  case forUpdate = "for-update"
  /// As `for-update`, over the pool that everything else uses too.
  case sharedPool = "shared-pool"
  /// Wrong: counts without a lock.
  case unlocked
  case atomicUpdate = "atomic-update"
  case optimistic
  case advisoryLock = "advisory-lock"

  /// The size of `shared-pool`'s only pool if `DATABASE_POOL` is not set: a usual size, and more than the
  /// default's pools together.
  static let sharedPoolSize = 16

  /// False if two coupons of a day may get the same rank: the index that forbids it would hide the error.
  var ranksAreUnique: Bool { self != .unlocked }

  @LoopActor
  func issuance(over pool: PostgresPool) -> any Issuance {
    switch self {
    case .forUpdate, .sharedPool: ForUpdate(pool: pool)
    case .unlocked: Unlocked(pool: pool)
    case .atomicUpdate: AtomicUpdate(pool: pool)
    case .optimistic: Optimistic(pool: pool)
    case .advisoryLock: AdvisoryLock(pool: pool)
    }
  }
}

/// Reads the day and the person's coupon in one round trip, decides, and writes in a second one. Three
/// strategies share it; they differ in how `first` makes other requests wait.
struct ReadDecideWrite {
  let pool: PostgresPool

  /// `first` is answered before the reads; the last of its answers has `issued`.
  @LoopActor
  func decide(
    _ claim: CouponClaim, hours: Hours, of policy: Policy, deadline: Instant, first: [SQLCall]
  ) async throws -> Decision {
    try await pool.transaction(deadline: deadline) { transaction in
      let answers = try await transaction.run(
        first + [IssuanceSQL.find(claim.userID, on: claim.day, of: policy)])
      guard
        let state = try IssuanceSQL.state(
          of: policy, day: answers[first.count - 1], coupon: answers[first.count])
      else { throw SchemaError.corruptRow(table: "policy_day") }
      let decision = CouponDomain.decide(claim, hours: hours, state)
      guard case .issued(let coupon) = decision else { return decision }
      let counter = IssuanceSQL.set(issued: evolve(state, coupon).issued, on: claim.day, of: policy.id)
      _ = try await transaction.finish(IssuanceSQL.record(coupon, of: policy) + [counter])
      return decision
    }
  }
}
