/// The code throws, and the transaction with it is rolled back.
struct ErrorFault: CouponFault {
  var effect: CouponEffect { .fail }
}
