package import History

extension RequestRecord {
  /// Whether the answer is the right one for the request. Every latency of every report is of good answers only: a request
  /// that is refused at once was not served fast, and the share that failed stands beside it.
  ///
  /// - A coupon request of the crowd: a coupon (201, 200), "sold out" (409) and "not open" (403), which the rules give.
  /// - A request for a policy that is sold out: "sold out" (409) alone.
  /// - A holder's look at their coupon: 200.
  /// - The bystander: any 2xx, and 409 for a booking of a stay that is full.
  ///
  /// Nothing else is: no 503 of either kind, no other 4xx or 5xx, no timeout, no connection that was refused or lost.
  package var isGood: Bool {
    switch call {
    case .coupon: outcome.isOK || outcome == .soldOut || outcome == .notOpen
    case .late: outcome == .soldOut
    case .mine: outcome == .existing
    case .stays, .stay, .booking: outcome.isOK || outcome == .soldOut
    }
  }
}

/// What requests of one kind got: the latency of good answers, and how many there were of the others.
package struct AnswerTally: Hashable, Sendable {
  /// Of good answers, from when each request was due.
  package private(set) var latency = LatencyHistogram()
  package private(set) var failed = 0
  /// Of all good answers together, in microseconds.
  private var waited: Int64 = 0
  /// Good answers with what was asked for; the other good ones were refused by a rule.
  package private(set) var accepted = 0
  /// Failed without saying whether something was done.
  package private(set) var unknown = 0

  package init() {}

  package var good: Int { Int(latency.count) }
  package var count: Int { good + failed }

  package mutating func add(_ request: RequestRecord) {
    if request.isGood {
      latency.record(microseconds: request.latency)
      waited += max(request.latency, 0)
      if request.outcome.isOK || request.call == .late { accepted += 1 }
    } else {
      failed += 1
      if [.unknown, .timeout, .lost].contains(request.outcome) { unknown += 1 }
    }
  }

  /// A part as a share of all requests; nil without a request.
  package func share(_ part: Int) -> Double? { count == 0 ? nil : Double(part) / Double(count) }

  /// Mean latency of the good answers in milliseconds; nil without one.
  package var meanMs: Double? { good == 0 ? nil : Double(waited) / Double(good) / 1_000 }

  /// In milliseconds; nil of so few good answers that it is not known (`Percentile`).
  package func milliseconds(_ fraction: Double) -> Double? { latency.milliseconds(fraction) }
}
