package import History
package import Text

/// How long people waited for their coupon who first asked within a stretch of time, with all that they had to ask again.
package struct CouponWaits: Codable, Hashable, Sendable {
  /// People who first asked then and were given a coupon, whenever.
  package var people: Int
  /// Milliseconds from when they were to ask first until the answer with the coupon; nil of too few people
  /// (`Percentile`).
  package var p50Ms: Double?
  package var p99Ms: Double?
  package var longestMs: Double?
  /// Requests for a coupon that were due then and got neither a coupon nor a decided "no".
  package var unanswered: Int
  /// The longest time without any coupon.
  package var pauseSeconds: Double

  package init(
    people: Int, p50Ms: Double?, p99Ms: Double?, longestMs: Double?, unanswered: Int, pauseSeconds: Double
  ) {
    (self.people, self.p50Ms, self.p99Ms, self.longestMs) = (people, p50Ms, p99Ms, longestMs)
    (self.unanswered, self.pauseSeconds) = (unanswered, pauseSeconds)
  }

  /// - Parameter histories: in which nobody asks for the first time in two of them.
  package init(_ histories: [History], from: Timestamp, to: Timestamp) {
    var waits = LatencyHistogram()
    var answers = [from, to]
    unanswered = 0
    for history in histories {
      var firstDue: [UInt32: Timestamp] = [:]
      var answered: [UInt32: Timestamp] = [:]
      for request in history.requests where request.call == .coupon {
        let due = history.moment(request.due)
        // Attempt 0 came before the opening.
        if request.attempt > 0 { firstDue[request.person] = min(firstDue[request.person] ?? due, due) }
        if !request.isGood, from <= due, due < to { unanswered += 1 }
        guard request.outcome.isOK else { continue }
        let moment = history.moment(request.answered)
        answered[request.person] = min(answered[request.person] ?? moment, moment)
      }
      for (person, due) in firstDue where from <= due && due < to {
        guard let moment = answered[person] else { continue }
        waits.record(microseconds: moment.microseconds - due.microseconds)
      }
      answers += answered.values.filter { from < $0 && $0 < to }
    }
    answers.sort()
    let pauses = zip(answers, answers.dropFirst()).map { $1.microseconds - $0.microseconds }
    func milliseconds(_ microseconds: Int64?) -> Double? { microseconds.map { Double($0) / 1_000 } }
    people = Int(waits.count)
    (p50Ms, p99Ms) = (waits.milliseconds(0.5), waits.milliseconds(0.99))
    longestMs = waits.count > 0 ? milliseconds(waits.maximum) : nil
    pauseSeconds = Double(pauses.max() ?? 0) / 1_000_000
  }
}
