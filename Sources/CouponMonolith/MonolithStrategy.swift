import EventLoop
import Postgres

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
