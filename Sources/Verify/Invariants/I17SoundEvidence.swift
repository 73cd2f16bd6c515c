import CouponDomain
import History
import Text

/// I17: the ledgers are whole, and speak of the same policy and strategy. Without it, the others judge something else than
/// the run.
extension Checker {
  /// More than a clock is corrected by in a run: its times say nothing of the hours then.
  private static let mostClockDrift: Int64 = 500_000

  func soundEvidence() -> Finding.Verdict {
    var breaches = Breaches()
    checkPolicy(&breaches)
    checkStrategy(&breaches)
    for (index, history) in evidence.histories.enumerated() {
      let name = evidence.histories.count == 1 ? "the history" : "history \(index + 1)"
      checkFacts(of: history, name, &breaches)
      if evidence.clients == .timed { checkTimes(of: history, name, &breaches) }
    }
    if people.nameless > 0 { breaches.add("\(people.nameless) requests have no valid user id") }
    for event in evidence.database.events {
      if case .unreadable(let why) = event.content {
        breaches.add("the event \(event.sequence) cannot be read: \(why)")
      }
    }
    return breaches.verdict(otherwise: wholeness)
  }

  private var wholeness: Finding.Verdict {
    switch evidence.clients {
    case .timed:
      let open = evidence.histories.count { $0.run.end == nil }
      return open == 0
        ? .ok("\(people.byName.count) people, each ledger says the same of the policy")
        : .inPart("\(open) of \(evidence.histories.count) histories do not show whether they are complete")
    case .untimed: return .inPart("a CSV does not show whether it is complete")
    case .none: return .inPart("the log and the database agree; there is no history")
    }
  }

  // MARK: The policy, in each ledger that has it

  private func checkPolicy(_ breaches: inout Breaches) {
    if let log = evidence.log {
      if let logged = log.policy {
        if let difference = difference(logged) { breaches.add("the log's policy has another \(difference)") }
      } else {
        breaches.add("the log does not have the event that created the policy")
      }
    }
    if let difference = difference(evidence.database.policy) {
      breaches.add("the database's policy has another \(difference)")
    }
    var created = 0
    for event in evidence.database.events {
      guard case .policy(let recorded) = event.content else { continue }
      created += 1
      if let difference = difference(recorded) {
        breaches.add("the event that created the policy has another \(difference) in the database")
      }
    }
    if created != 1 { breaches.add("the database has \(created) events that created the policy") }
    for number in policy.startsOn.number...policy.endsOn.number {
      let day = Day(number: number)
      let quota = evidence.database.days[day]?.quota
      if quota != policy.dailyQuota {
        breaches.add("policy_day says the quota of \(day) is \(quota.map { String($0) } ?? "nothing")")
      }
    }
    for day in evidence.database.days.keys where !policy.isEventDay(day) {
      breaches.add("policy_day has \(day), which is not a day of the event")
    }
  }

  /// The first field of another policy that is not as the run's.
  private func difference(_ other: Policy) -> String? {
    if other.id != policy.id { return "number: \(other.id)" }
    if other.dailyQuota != policy.dailyQuota { return "quota: \(other.dailyQuota), not \(policy.dailyQuota)" }
    if other.opensAt != policy.opensAt { return "opening: \(other.opensAt)" }
    if other.timeZone != policy.timeZone { return "time zone: \(other.timeZone)" }
    if other.startsOn != policy.startsOn || other.endsOn != policy.endsOn {
      return "period: \(other.startsOn) to \(other.endsOn)"
    }
    if other.perPerson != policy.perPerson { return "rule for a person: \(other.perPerson.rawValue)" }
    return other == policy ? nil : "name"
  }

  // MARK: The strategy

  private func checkStrategy(_ breaches: inout Breaches) {
    if let program = evidence.programStrategy { checkStrategy(of: program, &breaches) }
    guard evidence.architecture == .eda else { return }
    if evidence.database.ranksAreUnique != evidence.isRanked {
      let made = evidence.database.ranksAreUnique ? "where the log decides" : "where Redis decides"
      breaches.add("the tables were created for a strategy \(made), the history names \(evidence.strategy)")
    }
    let ranked = evidence.database.coupons.count { $0.coupon.rank != nil }
    if !evidence.isRanked, ranked > 0 {
      breaches.add("\(ranked) rows have ranks, which \(evidence.strategy) does not assign")
    }
  }

  /// Without a history only the tables say how they were filled, and they know no more than whether there are ranks.
  private func checkStrategy(of program: String, _ breaches: inout Breaches) {
    if evidence.clients != .none {
      guard program != evidence.strategy else { return }
      breaches.add("the program's strategy is \(program), the history names \(evidence.strategy)")
    } else if evidence.architecture == .eda, (program == "log") != evidence.isRanked {
      let made = evidence.isRanked ? "with ranks" : "without ranks"
      breaches.add("the program's strategy is \(program), the tables were created \(made)")
    }
  }

  // MARK: The histories

  private func checkFacts(of history: History, _ name: String, _ breaches: inout Breaches) {
    let run = history.run
    if run.architecture != evidence.architecture || run.policyID != policy.id {
      breaches.add("\(name) belongs to the \(run.architecture.rawValue)'s policy \(run.policyID)")
    }
    if run.strategy != evidence.strategy {
      breaches.add("\(name) names the strategy \(run.strategy), another \(evidence.strategy)")
    }
    let came = Set(history.requests.lazy.filter { $0.call == .coupon }.map(\.person)).count
    if came != run.people { breaches.add("\(name) states \(run.people) people and contains \(came)") }
  }

  private func checkTimes(of history: History, _ name: String, _ breaches: inout Breaches) {
    if let drift = history.run.clockDrift, abs(drift) > Checker.mostClockDrift {
      breaches.add("the wall clock moved by \(drift / 1_000) ms during \(name)")
    }
    let end = history.run.end?.after ?? .max
    let wrong = history.requests.count {
      $0.sent > $0.answered || Int64($0.answered) > end || $0.answered == .max
    }
    if wrong > 0 { breaches.add("\(wrong) requests of \(name) end before they begin, or after the run") }
  }
}
