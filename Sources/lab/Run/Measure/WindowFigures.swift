import Foundation

/// The time of one or more faults, on the wall clock.
package struct FaultWindow: Codable, Hashable, Sendable {
  package var name: String
  /// Seconds since the opening.
  package var from: Double
  package var to: Double

  package init(name: String, from: Double, to: Double) { (self.name, self.from, self.to) = (name, from, to) }
}

/// What a kind of request got in one window.
struct GroupFigures {
  private(set) var count = 0
  private(set) var accepted = 0
  private(set) var refused = 0
  private(set) var unknown = 0
  private(set) var failed = 0
  private var latency = Histogram()

  mutating func take(_ request: RequestRecord) {
    count += 1
    latency.record(microseconds: request.latency)
    let outcome = request.outcome
    if GroupFigures.isGood(request) {
      if outcome.isOK || request.call == .late { accepted += 1 } else { refused += 1 }
    } else {
      failed += 1
      if outcome == .unknown || outcome == .timeout || outcome == .lost { unknown += 1 }
    }
  }

  /// Whether a request was answered as it should be. Of a sold-out policy, only "sold out" is; a full stay is an answer.
  static func isGood(_ request: RequestRecord) -> Bool {
    switch request.call {
    case .coupon: !request.outcome.isUnknown && request.outcome != .refused
    case .late: request.outcome == .soldOut
    case .mine: request.outcome == .existing
    case .stays, .stay, .booking: request.outcome.isOK || request.outcome == .soldOut
    }
  }

  /// Measure ─▶ value; without shares and latencies where there was no request.
  var values: [String: Double] {
    var values: [String: Double] = [
      "count": Double(count), "failed_count": Double(failed), "accepted_count": Double(accepted),
    ]
    guard count > 0 else { return values }
    func share(_ part: Int) -> Double { Double(part) / Double(count) }
    (values["good"], values["failed"], values["unknown"]) = (
      share(count - failed), share(failed), share(unknown)
    )
    (values["accepted"], values["refused"]) = (share(accepted), share(refused))
    for (name, fraction) in [("p50_ms", 0.5), ("p99_ms", 0.99), ("max_ms", 1)] {
      values[name] = latency.quantile(fraction).map { Double($0) / 1_000 }
    }
    return values
  }
}

/// A run's requests by kind and window.
struct WindowFigures {
  private var groups: [String: [Window: GroupFigures]] = [:]
  /// Seconds since the opening, of the last request of a kind that was due after the fault and failed.
  private var lastFailed: [String: Double] = [:]
  private let fault: FaultWindow?
  /// What ended later does not count, in seconds since the opening: the next fault begins there.
  private let end: Double

  /// - Parameters:
  ///   - fault: nil where there is none; then everything is `whole`.
  init(
    _ histories: [History], fault: FaultWindow?, from start: Double = -.infinity, to end: Double = .infinity
  ) {
    (self.fault, self.end) = (fault, end)
    for history in histories {
      for request in history.requests {
        let due = Double(Int64(request.due) - history.run.openedAfter) / 1_000_000
        let answered = Double(Int64(request.answered) - history.run.openedAfter) / 1_000_000
        if start <= due, answered < end { take(request, due: due, answered: answered) }
      }
    }
  }

  private mutating func take(_ request: RequestRecord, due: Double, answered: Double) {
    for group in WindowFigures.groups(of: request.call) {
      groups[group, default: [:]][.whole, default: GroupFigures()].take(request)
      guard let fault else { continue }
      // What was under way when the fault came has felt it.
      let window: Window = answered < fault.from ? .before : due < fault.to ? .during : .after
      groups[group]?[window, default: GroupFigures()].take(request)
      if window == .after, !GroupFigures.isGood(request) {
        lastFailed[group] = max(lastFailed[group] ?? 0, due)
      }
    }
  }

  private static func groups(of call: Call) -> [String] {
    switch call {
    case .coupon: ["coupons"]
    case .stays, .stay: ["bystander", "stays"]
    case .booking: ["bystander", "booking"]
    case .mine: ["mine"]
    case .late: ["soldout"]
    }
  }

  /// Metric's text ─▶ value.
  var values: [String: Double] {
    var all: [String: Double] = [:]
    for (group, windows) in groups {
      for (window, figures) in windows {
        for (measure, value) in figures.values {
          if let metric = Metric("\(group).\(measure)", window) { all[metric.description] = value }
        }
      }
      // Recovered is only who was asked again.
      if let fault, windows[.after]?.count ?? 0 > 0 {
        all["\(group).recover_s"] = lastFailed[group].map { $0 - fault.to } ?? 0
      }
    }
    if let coupons = all["coupons.recover_s"], let bystander = all["bystander.recover_s"] {
      all["recover_s"] = max(coupons, bystander)
    }
    return all
  }
}
