package import CouponAPI
import EventLoop
import Operations

extension APIServices {
  /// Services beside a platform that can always be answered.
  package init(coupons: any CouponService, bystander: any BystanderService) {
    self.init(coupons: coupons, bystander: bystander, platform: { ServiceReadiness(reasons: []) })
  }
}

extension Troubles {
  /// Counts and logs where nobody looks.
  @LoopActor package static func unheard() -> Troubles {
    Troubles(Metrics(), Log(program: "tests", level: .error, output: LogOutput()))
  }
}
