/// What a bug in the code does to one coupon that was decided and is not recorded yet. One kind per file.
protocol CouponFault: Sendable {
  var effect: CouponEffect { get }
}

package enum CouponEffect: Hashable, Sendable {
  case none
  case crash
  case block(Duration)
  case fail
}

/// Whose coupon it is for.
enum CouponChoice: Sendable {
  case all
  case prefix([UInt8])
  /// Every so many-th; how many are left until the next one.
  case every(Int, left: Int)

  init(_ spec: FaultSpec) {
    if let prefix = spec.prefix {
      self = .prefix(Array(prefix.utf8))
    } else if let every = spec.every {
      self = .every(every, left: every)
    } else {
      self = .all
    }
  }

  mutating func takes(_ person: String) -> Bool {
    switch self {
    case .all: return true
    case .prefix(let prefix): return person.utf8.starts(with: prefix)
    case .every(let every, let left):
      self = .every(every, left: left == 1 ? every : left - 1)
      return left == 1
    }
  }
}

extension FaultSpec {
  /// Nil for a fault of a server.
  var couponFault: (any CouponFault)? {
    switch kind {
    case .outage, .hang, .latency, .flaky: nil
    case .crash: CrashFault()
    case .stall: StallFault(milliseconds: stallMs ?? 0)
    case .error: ErrorFault()
    }
  }
}

/// What `error` throws.
package struct CouponBug: Error, Hashable, Sendable, CustomStringConvertible {
  package let description = "the code that records coupons failed on one of them (a fault switch)"
}
