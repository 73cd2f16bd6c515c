import Foundation
package import History

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
  /// Of good answers: who is refused at once has not been served fast.
  private var latency = Histogram()

  mutating func take(_ request: RequestRecord) {
    count += 1
    let outcome = request.outcome
    if GroupFigures.isGood(request) {
      latency.record(microseconds: request.latency)
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

  /// Measure ─▶ value; without shares where there was no request, and without latencies where no answer was good.
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
package struct WindowFigures {
  /// The last request of a kind that was due after the fault: whoever asked last says whether it is over.
  private struct Last {
    var due: Double
    var isGood: Bool
  }

  private var groups: [String: [Window: GroupFigures]] = [:]
  /// Seconds since the opening, of the last request of a kind that was due after the fault and failed.
  private var lastFailed: [String: Double] = [:]
  private var last: [String: Last] = [:]
  private let fault: FaultWindow?
  /// Seconds since the opening: the next fault begins there, and what was due later is that one's.
  private let end: Double

  /// A request that was due so shortly before the next fault, and was under way when that came, may have failed of
  /// either; who had waited longer than this was kept waiting by this one.
  private static let doubt = 0.1

  /// - Parameters:
  ///   - fault: nil where there is none; then everything is `whole`.
  package init(
    _ histories: [History], fault: FaultWindow?, from start: Double = -.infinity, to end: Double = .infinity
  ) {
    (self.fault, self.end) = (fault, end)
    for history in histories {
      for request in history.requests {
        let due = Double(Int64(request.due) - history.run.openedAfter) / 1_000_000
        let answered = Double(Int64(request.answered) - history.run.openedAfter) / 1_000_000
        guard start <= due, due < end else { continue }
        if answered >= end, due > end - WindowFigures.doubt, !GroupFigures.isGood(request) { continue }
        take(request, due: due, answered: answered)
      }
    }
  }

  private mutating func take(_ request: RequestRecord, due: Double, answered: Double) {
    let isGood = GroupFigures.isGood(request)
    for group in WindowFigures.groups(of: request.call) {
      groups[group, default: [:]][.whole, default: GroupFigures()].take(request)
      guard let fault else { continue }
      // What was under way when the fault came has felt it.
      let window: Window = answered < fault.from ? .before : due < fault.to ? .during : .after
      groups[group]?[window, default: GroupFigures()].take(request)
      guard window == .after else { continue }
      if !isGood { lastFailed[group] = max(lastFailed[group] ?? 0, due) }
      // Of two that were due at once, the bad one counts.
      if due > last[group]?.due ?? -.infinity || due == last[group]?.due && !isGood {
        last[group] = Last(due: due, isGood: isGood)
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

  /// Kinds of requests of which the last one still failed, with the seconds from the end of the fault until it was due.
  package var unrecovered: [String: Double] {
    guard let fault else { return [:] }
    return last.filter { !$0.value.isGood }.mapValues { $0.due - fault.to }
  }

  /// Metric's text ─▶ value.
  package var values: [String: Double] {
    var all: [String: Double] = [:]
    for (group, windows) in groups {
      for (window, figures) in windows {
        for (measure, value) in figures.values {
          if let metric = Metric("\(group).\(measure)", window) { all[metric.description] = value }
        }
      }
      // Recovered is only who was asked again, and not who failed to the last: there is no number for that.
      if let fault, last[group]?.isGood == true {
        all["\(group).recover_s"] = lastFailed[group].map { $0 - fault.to } ?? 0
      }
    }
    if let coupons = all["coupons.recover_s"], let bystander = all["bystander.recover_s"] {
      all["recover_s"] = max(coupons, bystander)
    }
    return all
  }
}
