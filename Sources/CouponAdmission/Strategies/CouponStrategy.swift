import Text
import CouponAPI
import CouponDomain
import CouponStore
import EventLoop

/// One way to issue coupons in the event-driven version: `LogCouponService` (the log decides) and `RedisCouponService`
/// (Redis decides, in one of the ways of `RedisAdmission`). What they share is `LogView`.
@LoopActor
protocol CouponStrategy: CouponService {
  var view: LogView { get }
  /// Whether it waits for the reports of what was delivered, too.
  var hearsOfDeliveries: Bool { get }

  func start()
  func stop()

  // The log, as it is read and written.
  func took(_ outcome: LogOutcome)
  func delivered(_ ticket: PublishTicket)
  /// A claim's delivery failed.
  func deliveryFailed(_ ticket: PublishTicket, _ problem: DeliveryProblem)

  // Who holds coupons.
  func issued(on day: Day, in policy: PolicyID) -> Int
  func latestCoupon(of user: UserID, in policy: PolicyID) -> Coupon?
}

extension CouponStrategy {
  var hearsOfDeliveries: Bool { false }
  func start() {}
  func stop() {}
  func delivered(_ ticket: PublishTicket) {}

  func readiness() -> ServiceReadiness { view.readiness() }

  func status(of policy: PolicyID, at time: Timestamp, deadline: Instant) -> Reply<PolicyAnswer> {
    .now(view.status(of: policy, at: time) { issued(on: $0, in: policy) })
  }

  func latestCoupon(of user: UserID, in policy: PolicyID, deadline: Instant) -> Reply<CouponAnswer> {
    .now(view.latestCoupon(in: policy) { latestCoupon(of: user, in: policy) })
  }

  func events(of policy: PolicyID, after: Int64, limit: Int, deadline: Instant) async -> EventsAnswer {
    await view.events(of: policy, after: after, limit: limit, deadline: deadline)
  }

  func create(_ draft: PolicyDraft, deadline: Instant) async -> CreateAnswer {
    await view.create(draft, deadline: deadline)
  }
}
