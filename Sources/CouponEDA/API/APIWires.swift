package import CouponAPI
import EventLoop

/// The seams of an API process: what is made of the product's own, to stand in its place. Each is the product's own but
/// for experiments and tests.
package struct APIWires {
  package var outlet: @LoopActor (any LogOutlet) -> any LogOutlet = { $0 }
  package var coupons: @LoopActor (any CouponService) -> any CouponService = { $0 }

  package init() {}
}
