import CouponDomain
import History
import Text

/// I12: no request outlives its deadline; nobody wins while the deciding server is down.
extension Checker {
  /// A request may outlive its deadline by this much.
  private static let graceMicroseconds: Int64 = 500_000

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
}
