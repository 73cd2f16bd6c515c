import CouponDomain
import EventLoop
import Faults

extension WorkerWires {
  /// The switch `coupons`: a batch is decided, and of its coupons nothing is written.
  @LoopActor
  func faulty(_ seam: CouponSeam?) -> WorkerWires {
    guard let seam else { return self }
    var wires = self
    wires.fold = { batch, ledger, decides in
      let result = try fold(batch, ledger, decides)
      if !seam.isClear {
        for issued in result.issued { try seam.decided(issued.coupon.claim.userID.description) }
      }
      return result
    }
    return wires
  }
}
