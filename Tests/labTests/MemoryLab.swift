import TestSupport
import CouponAPI
import CouponDomain
import CouponStore
import EventLoop
import HTTP
import Operations
import Text
import lab
import LabTestSupport
import Load
import History

/// The whole API over the service in memory, on a real socket of this process.
@LoopActor
final class MemoryLab {
  let coupons: MemoryCouponService
  let policy: Policy
  let opening: Timestamp
  let address: SocketAddress
  private let server: HTTPServer

  init(quota: Int, opensIn lead: Duration) async throws {
    coupons = MemoryCouponService(key: try unwrap(CouponKey("a secret of the tests")))
    let plan = OpeningPlan(after: SystemClock().now(), lead: lead)
    opening = plan.opening
    policy = try Policy(
      id: try unwrap(PolicyID(1)), name: "Load", startsOn: plan.day, endsOn: plan.day, opensAt: plan.opensAt,
      timeZone: plan.timeZone, dailyQuota: quota, perPerson: .once)
    _ = await coupons.create(PolicyDraft(id: policy.id, template: policy), deadline: .now + .seconds(1))
    let bystander = MemoryBystander([Stay(id: 1, name: "Hanok", city: "Seoul", roomsLeft: 3)])
    let api = PublicAPI(
      services: APIServices(coupons: coupons, bystander: bystander), metrics: Metrics(), troubles: .unheard(),
      clock: SystemClock(),
      requestDeadline: .seconds(2))
    server = HTTPServer(configuration: HTTPServerConfiguration(), telling: { api.handle($0, for: $1) })
    address = SocketAddress(numericHost: "127.0.0.1", port: try server.start())
  }

  func stop() async { await server.drain(deadline: .now + .seconds(1)) }

  func plan(people: Int, rate: Double, early: Double = 0) -> LoadPlan {
    var options = LoadOptions(seed: 5)
    (options.people, options.rate, options.earlyShare) = (people, rate, early)
    (options.patience, options.after) = (.seconds(3), .milliseconds(300))
    (options.connections, options.bystanderPerSecond) = (200, 50)
    var plan = LoadPlan(options, .monolith, policyID: policy.id, opening: opening)
    (plan.strategy, plan.namePrefix) = ("memory", "p")
    return plan
  }
}
