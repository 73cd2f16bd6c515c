package import CouponStore
package import EventLoop
package import Postgres

/// Whether the database was filled under this program's `COUPON_KEY`.
@LoopActor
package final class KeyMemory {
  private let pool: PostgresPool
  private let key: CouponKey

  package init(_ pool: PostgresPool, key: CouponKey) { (self.pool, self.key) = (pool, key) }

  /// Nil where the database does not answer.
  package func isOther(deadline: Instant) async -> Bool? {
    try? await KeySQL.isOther(than: key, in: pool, deadline: deadline)
  }
}
