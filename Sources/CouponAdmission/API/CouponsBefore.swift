package import CouponAPI
package import CouponDomain
package import EventLoop
package import Text

/// A service that stands before another and leaves to it all but `issue`.
@LoopActor
package protocol CouponsBefore: CouponService {
  var coupons: any CouponService { get }
}

extension CouponsBefore {
  package func status(of policy: PolicyID, at time: Timestamp, deadline: Instant) -> Reply<PolicyAnswer> {
    coupons.status(of: policy, at: time, deadline: deadline)
  }

  package func latestCoupon(of user: UserID, in policy: PolicyID, deadline: Instant) -> Reply<CouponAnswer> {
    coupons.latestCoupon(of: user, in: policy, deadline: deadline)
  }

  package func create(_ draft: PolicyDraft, deadline: Instant) async -> CreateAnswer {
    await coupons.create(draft, deadline: deadline)
  }

  package func events(of policy: PolicyID, after: Int64, limit: Int, deadline: Instant) async -> EventsAnswer
  {
    await coupons.events(of: policy, after: after, limit: limit, deadline: deadline)
  }

  package func readiness() -> ServiceReadiness { coupons.readiness() }
}
