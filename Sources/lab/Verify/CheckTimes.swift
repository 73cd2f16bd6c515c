import CouponDomain
import CouponStore
import Text

/// What was answered when: I12, I13, I14.
extension Checker {
  /// A request may outlive its deadline by this much.
  static let graceMicroseconds: Int64 = 500_000

  func deadlines() -> Finding.Verdict {
    var breaches = Breaches()
    var (longest, stalled): (Int64, Int64) = (0, 0)
    let outages = evidence.faults.filter { $0.isOutage && $0.target == decidingServer }
    for history in evidence.histories {
      let limit = Int64(history.run.deadlineMilliseconds) * 1_000 + Checker.graceMicroseconds
      let excused = excusedTimes(of: history)
      stalled = max(stalled, history.run.stalls.map { $0.upperBound - $0.lowerBound }.max() ?? 0)
      for request in history.requests where request.outcome != .notSent {
        let whole = Int64(request.sent)..<max(Int64(request.sent), Int64(request.answered))
        var took = Int64(whole.count)
        if took > limit { took -= excused.reduce(0) { $0 + Int64($1.clamped(to: whole).count) } }
        longest = max(longest, took)
        if took > limit {
          breaches.add(
            "person \(request.person)'s \(request.call.name) request \(request.attempt) took \(took / 1_000) ms"
          )
        }
        guard request.call == .coupon, request.outcome == .created else { continue }
        let (sent, answered) = (history.moment(request.sent), history.moment(request.answered))
        for outage in outages where sent > outage.from && answered < outage.to {
          breaches.add("person \(request.person) won during \(outage.name)")
        }
      }
    }
    let standing = stalled == 0 ? "" : "; the generator itself once stood still for \(stalled / 1_000) ms"
    return breaches.verdict(otherwise: .ok("the longest request took \(longest / 1_000) ms\(standing)"))
  }

  /// Times that no program is asked for, in microseconds of a history, in order and apart: the program that answers people
  /// was stopped, or the generator itself did not run and could see no answer.
  private func excusedTimes(of history: History) -> [Range<Int64>] {
    let start = history.run.startedAt.microseconds
    let stops = evidence.faults.filter { $0.isOutage && $0.target == .api }.map { fault in
      let from = fault.from.microseconds - start
      return from..<max(from, fault.to.microseconds - start)
    }
    let all = (stops + history.run.stalls).sorted { $0.lowerBound < $1.lowerBound }
    return all.reduce(into: []) { merged, next in
      guard let last = merged.last, next.lowerBound <= last.upperBound else { return merged.append(next) }
      merged[merged.count - 1] = last.lowerBound..<max(last.upperBound, next.upperBound)
    }
  }

  private var decidingServer: FaultRecord.Target {
    switch evidence.architecture {
    case .monolith: .database
    case .eda: evidence.isRanked ? .kafka : .redis
    }
  }

  func notVacuous() -> Finding.Verdict {
    guard !evidence.faults.isEmpty else { return .notApplicable("no fault was injected") }
    var breaches = Breaches()
    var weak: [String] = []
    // People who were sent for when all was over say nothing about what came after a fault.
    let times = evidence.histories.prefix(evidence.planned ?? .max).flatMap { history in
      history.requests.filter { $0.call == .coupon && $0.outcome.isOK }.map { history.moment($0.answered) }
    }
    for fault in evidence.faults {
      if fault.bites ?? 0 < 1 { breaches.add("\(fault.name) never bit, or nobody counted") }
      if !times.contains(where: { $0 < fault.from }) { weak.append("no coupon before \(fault.name)") }
      if !times.contains(where: { $0 > fault.to }) { weak.append("no coupon after \(fault.name)") }
    }
    let during = times.count { time in evidence.faults.contains { $0.from <= time && time <= $0.to } }
    let all = "\(evidence.faults.count) faults bit; \(during) coupons meanwhile"
    return breaches.verdict(
      otherwise: weak.isEmpty ? .ok(all) : .vacuous(weak.joined(separator: ", ")))
  }

  func soldOutIsTrue() -> Finding.Verdict {
    guard evidence.isRanked else { return .notApplicable("with this strategy Redis says when it is full") }
    // The quota-th smallest of the winners' times: before it, no order of events can have filled the day.
    let filled = rowsByDay.compactMapValues { rows in
      rows.count < policy.dailyQuota ? nil : wonAt(rows).sorted()[policy.dailyQuota - 1]
    }
    var calendar = PolicyCalendar()
    var breaches = Breaches()
    var refusals = 0
    for history in evidence.histories {
      for request in history.requests where request.call == .coupon && request.outcome == .soldOut {
        refusals += 1
        let days = days(of: request, in: history, &calendar)
        guard let first = days.compactMap({ filled[$0] }).min() else {
          breaches.add("person \(request.person) was told so on a day that is not full")
          continue
        }
        let early = first.microseconds - history.moment(request.answered).microseconds
        if early > 0 { breaches.add("person \(request.person) was told so \(early) µs too early") }
      }
    }
    return breaches.verdict(
      otherwise: refusals == 0
        ? .notApplicable("nobody was told \"sold out\"") : .ok("\(refusals) answers \"sold out\""))
  }

  /// The days that a request can have been admitted on: two, where it was under way at midnight.
  private func days(of request: RequestRecord, in history: History, _ calendar: inout PolicyCalendar) -> [Day]
  {
    let answered = history.moment(request.answered)
    let patience = Int64(history.run.deadlineMilliseconds) * 1_000
    let earliest = min(history.moment(request.sent).microseconds, answered.microseconds - patience)
    guard let window = try? calendar.window(of: policy, at: answered) else { return [] }
    return earliest < window.startsAt.microseconds ? [window.day, window.day.advanced(by: -1)] : [window.day]
  }

  /// When each row was won at the earliest: appended to the log, or recorded under the lock where there is none. A
  /// message that is younger than its row is of a log that was rebuilt, and tells nothing.
  private func wonAt(_ rows: [DatabaseEvidence.CouponRow]) -> [Timestamp] {
    let appended = Dictionary(
      claims.map { ($0.claim.couponID, $0.appendedAt) }, uniquingKeysWith: { first, _ in first })
    let recorded = Dictionary(
      evidence.database.events.compactMap { event in event.claim.map { ($0.couponID, event.recordedAt) } },
      uniquingKeysWith: { first, _ in first })
    return rows.map { row in
      let claim = row.coupon.claim
      guard let recorded = recorded[claim.couponID] else { return claim.issuedAt }
      if evidence.architecture == .monolith { return recorded }
      guard let appended = appended[claim.couponID], appended <= recorded else { return claim.issuedAt }
      return appended
    }
  }
}
