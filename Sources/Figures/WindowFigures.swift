package import History

/// The time of one or more faults, on the wall clock.
package struct FaultWindow: Codable, Hashable, Sendable {
  package var name: String
  /// Seconds since the opening.
  package var from: Double
  package var to: Double

  package init(name: String, from: Double, to: Double) { (self.name, self.from, self.to) = (name, from, to) }
}

/// Requests by kind and window.
package struct WindowFigures {
  /// The last request of a kind that was due after the fault: whoever asked last says whether it is over.
  private struct Last {
    var due: Double
    var isGood: Bool
  }

  private var groups: [String: [Window: AnswerTally]] = [:]
  /// Seconds since the opening, of the last request of a kind that was due after the fault and failed.
  private var lastFailed: [String: Double] = [:]
  private var last: [String: Last] = [:]
  private let fault: FaultWindow?
  /// Seconds since the opening: the next fault begins there, and what was due later is that one's.
  private let end: Double

  /// A request due this shortly before the next fault and still open when it began may have failed because of either.
  /// One that had waited longer counts for this fault.
  private static let doubt = 0.1

  /// - Parameters:
  ///   - fault: nil where there is none; then everything is `whole`.
  package init(
    _ histories: [History], fault: FaultWindow?, from start: Double = -.infinity, to end: Double = .infinity
  ) {
    (self.fault, self.end) = (fault, end)
    for history in histories {
      for request in history.requests {
        let (due, answered) = (history.seconds(request.due), history.seconds(request.answered))
        guard start <= due, due < end else { continue }
        if answered >= end, due > end - WindowFigures.doubt, !request.isGood { continue }
        take(request, due: due, answered: answered)
      }
    }
  }

  private mutating func take(_ request: RequestRecord, due: Double, answered: Double) {
    let isGood = request.isGood
    for group in Metric.groups(of: request.call) {
      groups[group, default: [:]][.whole, default: AnswerTally()].add(request)
      guard let fault else { continue }
      // What was under way when the fault came has felt it.
      let window: Window = answered < fault.from ? .before : due < fault.to ? .during : .after
      groups[group]?[window, default: AnswerTally()].add(request)
      guard window == .after else { continue }
      if !isGood { lastFailed[group] = max(lastFailed[group] ?? 0, due) }
      // Of two that were due at once, the bad one counts.
      if due > last[group]?.due ?? -.infinity || due == last[group]?.due && !isGood {
        last[group] = Last(due: due, isGood: isGood)
      }
    }
  }

  package func tally(_ group: String, _ window: Window) -> AnswerTally {
    groups[group]?[window] ?? AnswerTally()
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
      for (window, tally) in windows {
        for measure in Metric.measures {
          guard let metric = Metric("\(group).\(measure.name)", window) else { continue }
          all[metric.description] = measure.value(tally)
        }
      }
      // A group has recovered only if its last request succeeded; otherwise there is no value.
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
