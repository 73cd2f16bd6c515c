import CouponDomain
package import History
package import Text

/// How much of a fault was felt that has no counter of its own: a server or a program that was stopped, killed or gone.
package struct FeltFault {
  private let histories: [History]
  private let from: Timestamp
  private let to: Timestamp

  package init(_ histories: [History], from: Timestamp, to: Timestamp) {
    (self.histories, self.from, self.to) = (histories, from, to)
  }

  /// Requests of every kind that were due meanwhile and failed, or took more than three times as long as those of their
  /// kind before, and more than a tenth of a second.
  ///
  /// One of them may have been the machine's hiccup: 0 where they are fewer than three, or than a hundredth of all that
  /// were due meanwhile.
  package var requests: Int {
    var before: [Call: LatencyHistogram] = [:]
    for history in histories {
      for request in history.requests where history.moment(request.due) < from {
        before[request.call, default: LatencyHistogram()].record(microseconds: request.latency)
      }
    }
    let limits = before.compactMapValues { $0.quantile(0.5).map { max(FeltFault.shortest, 3 * $0) } }
    var (due, felt) = (0, 0)
    for history in histories {
      for request in history.requests {
        let moment = history.moment(request.due)
        guard from <= moment, moment < to else { continue }
        due += 1
        if !request.isGood || request.latency > limits[request.call] ?? .max { felt += 1 }
      }
    }
    return felt >= max(FeltFault.fewest, (due + 99) / 100) ? felt : 0
  }

  private static let fewest = 3
  private static let shortest: Int64 = 100_000

  /// By how many coupons the database fell behind meanwhile.
  ///
  /// - Parameters:
  ///   - recorded: how many it held, by seconds since the opening; of the policy of the histories.
  package func growthOfLag(_ recorded: [CountPoint], opening: Timestamp) -> Int {
    var won: [CouponID: Timestamp] = [:]
    for history in histories {
      for request in history.requests {
        guard request.call == .coupon, let coupon = history.coupon(of: request) else { continue }
        let answered = history.moment(request.answered)
        won[coupon.couponID] = min(won[coupon.couponID] ?? answered, answered)
      }
    }
    func lag(_ time: Timestamp) -> Int {
      let seconds = Double(time.microseconds - opening.microseconds) / 1_000_000
      return won.values.count { $0 <= time } - (recorded.last { $0.seconds <= seconds }?.count ?? 0)
    }
    return max(0, lag(to) - max(0, lag(from)))
  }
}
