/// The process ends at once, as by SIGKILL: nothing is answered, written or said any more.
struct CrashFault: CouponFault {
  var effect: CouponEffect { .crash }
}
