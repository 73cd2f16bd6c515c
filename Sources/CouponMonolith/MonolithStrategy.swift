import EventLoop
import Postgres

/// The strategies of the monolith (`COUPON_STRATEGY`), the default first.
package enum MonolithStrategy: String, CaseIterable, Sendable {
  case forUpdate = "for-update"
  /// As `for-update`, over the pool that everything else uses too.
  case sharedPool = "shared-pool"
  /// As `for-update`, and "sold out" is answered from memory once it is certain.
  case forUpdateCached = "for-update-cached"
  /// As `for-update`, but those who wait for the same row share a transaction.
  case forUpdateBatched = "for-update-batched"
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

  /// - Parameters:
  ///   - pool: of the deciding transactions.
  ///   - rest: for what no request waits for.
  ///   - maxWaiting: the most claims that wait for a transaction.
  @LoopActor
  func issuance(over pool: DecidingPool, rest: PostgresPool, maxWaiting: Int) -> any Issuance {
    switch self {
    case .forUpdate, .sharedPool: ForUpdate(pool: pool)
    case .forUpdateCached: ForUpdateCached(pool: pool, reading: rest)
    case .forUpdateBatched: ForUpdateBatched(pool: pool, maxWaiting: maxWaiting)
    case .unlocked: Unlocked(pool: pool)
    case .atomicUpdate: AtomicUpdate(pool: pool.pool)
    case .optimistic: Optimistic(pool: pool)
    case .advisoryLock: AdvisoryLock(pool: pool)
    }
  }
}
