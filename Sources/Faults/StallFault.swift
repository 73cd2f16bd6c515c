/// A careless call that blocks the thread: with one thread, everybody waits for it.
struct StallFault: CouponFault {
  private let time: Duration
  init(milliseconds: Int) { time = .milliseconds(milliseconds) }
  var effect: CouponEffect { .block(time) }
}
