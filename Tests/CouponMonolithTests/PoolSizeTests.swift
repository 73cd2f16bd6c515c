import CouponAPI
import EventLoop
import Operations
import Postgres
import PrivateServers
import Programs
import TestSupport
import Testing
import CouponMonolith

@Suite(.limited) struct PoolSizeTests {
  /// `DATABASE_POOL` says for every strategy what there is; what is shared is shared whole.
  @Test(
    arguments: [
      ("shared-pool", nil, 16), ("shared-pool", "", 16), ("shared-pool", "5", 5), ("for-update", nil, 4),
      ("for-update", "5", 3),
    ] as [(String, String?, Int)])
  func thePoolHasAsManyConnectionsAsWereAskedFor(strategy: String, asked: String?, size: Int) async throws {
    try await onLoop {
      var environment = [
        "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none", "COUPON_KEY": "a secret of the tests",
        "ADMIN_PORT": "0", "ADMIN_TOKEN": "the-monolith-tests-call", "COUPON_STRATEGY": strategy,
      ]
      environment["DATABASE_POOL"] = asked
      let context = ProgramContext(
        log: Log(program: "monolith", level: .error, output: LogOutput()), metrics: Metrics())
      let monolith = try Monolith(MonolithSettings.read(environment: environment, arguments: []), context)
      #expect(monolith.database.pool.statistics.size == size)
    }
  }
}
