package import CouponDomain
import CouponStore
package import EventLoop
import Postgres
import Text

/// The seam of the monolith's strategies: how a claim that the look without a lock let through becomes a coupon.
///
/// Whatever is done inside, the answer stands for what the database has committed. A unique violation means that the
/// same person was faster elsewhere: the service then reads everything again.
@LoopActor
package protocol Issuance {
  /// - Throws: `PostgresError`; `commitUnknown` where the coupon may have been issued. `SchemaError`,
  ///   `TooManyConflicts`.
  func decide(_ claim: CouponClaim, hours: Hours, of policy: Policy, deadline: Instant) async throws
    -> Decision
}

/// The ways in which the monolith can decide (`COUPON_STRATEGY`), the default first.
package enum MonolithStrategy: String, CaseIterable, Sendable {
  case forUpdate = "for-update"
  /// As `for-update`, over the pool that everything else uses too.
  case sharedPool = "shared-pool"
  /// Wrong: counts without a lock.
  case unlocked
  case atomicUpdate = "atomic-update"
  case optimistic
  case advisoryLock = "advisory-lock"

  /// Of the one pool of `shared-pool` where `DATABASE_POOL` says nothing else: a usual size, and more than the default's
  /// pools together.
  static let sharedPoolSize = 16

  /// False where two coupons of a day may get the same rank, so that the index that forbids it would hide the mistake.
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

/// Reads the day and the person's coupon in one round trip, decides, and writes in a second one: what three of the
/// strategies have in common. They differ in how `first` makes the others wait.
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
