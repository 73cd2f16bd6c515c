package import CouponAPI
import EventLoop

/// Hooks that wrap parts of an API process, for crash points and tests. By default each returns its argument.
package struct APIWires {
  package var outlet: @LoopActor (any LogOutlet) -> any LogOutlet = { $0 }
  package var coupons: @LoopActor (any CouponService) -> any CouponService = { $0 }

  package init() {}
}
