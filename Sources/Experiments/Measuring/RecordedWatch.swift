package import Figures
import Operations
package import CouponDomain
import CouponStore
package import EventLoop
package import Postgres
package import Text

/// Looks at the database ten times a second: how many coupons of a policy it holds by now.
@LoopActor
package final class RecordedWatch {
  private let pool: PostgresPool
  private let policy: PolicyID
  private let opening: Timestamp
  private let clock = SystemClock()
  private var isRunning = true
  private let ended = Completion<Void>()
  package private(set) var points: [CountPoint] = []

  private static let interval = Duration.milliseconds(100)

  package init(_ pool: PostgresPool, _ policy: PolicyID, opening: Timestamp) {
    (self.pool, self.policy, self.opening) = (pool, policy, opening)
    EventLoop.shared.spawn { await self.watch() }
  }

  /// The last look; then the pool is closed.
  package func stop() async -> [CountPoint] {
    isRunning = false
    try? await ended.value()
    await look()
    await pool.close()
    return points
  }

  private func watch() async {
    let lead = Duration.microseconds(opening.microseconds - clock.now().microseconds) - RecordedWatch.interval
    var next = Instant.now + max(lead, .zero)
    while isRunning {
      if next > .now + .seconds(1) {
        await EventLoop.shared.sleep(for: .milliseconds(200))
        continue
      }
      await EventLoop.shared.sleep(until: next)
      await look()
      next = max(next + RecordedWatch.interval, .now)
    }
    ended.succeed(())
  }

  private func look() async {
    guard let days = try? await AuditSQL.days(of: policy, in: pool, deadline: .now + .seconds(5)) else {
      return
    }
    let seconds = Double(clock.now().microseconds - opening.microseconds) / 1_000_000
    let count = days.map(\.issued).reduce(0, +)
    // Only changes are kept, each with the look before it.
    if points.count >= 2, points.suffix(2).allSatisfy({ $0.count == count }) { points.removeLast() }
    points.append(CountPoint(seconds: seconds, count: count))
  }
}
