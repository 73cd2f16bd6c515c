package import History
package import Verify

/// Everything that one trial measured: what a page or a table shows of it, and `report.json` keeps.
package struct TrialFigures: Codable, Hashable, Sendable {
  package var architecture: String
  package var strategy: String
  package var people: PeopleFigures
  package var requests: RequestFigures
  /// From a person's first due request (or the opening) until they held a coupon or heard "sold out".
  package var waits: WaitFigures
  package var bystander: BystanderFigures
  package var ledgers: LedgerFigures
  package var generator: GeneratorFigures
  package var usage: [UsageFigures]
  package var findings: [FindingFigures]
  /// Nil where the people were shared among several policies.
  package var series: SeriesFigures?
  package var faults: [FaultFigures]
  /// Everything that an expectation can name, by `Metric.description`.
  package var metrics: [String: Double]
  package var verified: Bool
}

/// How it ended for each person; the four add up to the people who came.
package struct PeopleFigures: Codable, Hashable, Sendable {
  package var accepted = 0
  package var soldOut = 0
  /// Turned away for another reason (not open, 4xx).
  package var otherwiseRefused = 0
  /// Never got an answer that settles it, however often they asked.
  package var failed = 0
  /// People who had to ask more than once because of trouble (coming too early is not trouble).
  package var retried = 0
}

/// How each request for a coupon ended, and how long the good answers took from the time it was due.
package struct RequestFigures: Codable, Hashable, Sendable {
  package var total = 0
  /// Requests after a person's first.
  package var retries = 0
  package var byOutcome: [String: Int] = [:]
  /// First requests that won.
  package var winners = LatencyFigures(LatencyHistogram())
  /// First requests that heard "sold out".
  package var soldOut = LatencyFigures(LatencyHistogram())
  /// Good answers to later requests.
  package var retried = LatencyFigures(LatencyHistogram())
  /// Requests without a good answer.
  package var failed = 0
}

package struct WaitFigures: Codable, Hashable, Sendable {
  package var winners: LatencyFigures
  package var soldOut: LatencyFigures
}

/// Percentiles are nil of so few answers that they are not known (`Percentile`).
package struct LatencyFigures: Codable, Hashable, Sendable {
  package var count: Int
  package var p50Ms: Double?
  package var p99Ms: Double?
  package var p999Ms: Double?
  package var maxMs: Double?

  package init(_ histogram: LatencyHistogram) {
    count = Int(histogram.count)
    (p50Ms, p99Ms) = (histogram.milliseconds(0.5), histogram.milliseconds(0.99))
    (p999Ms, maxMs) = (histogram.milliseconds(0.999), histogram.milliseconds(1))
  }
}

/// The rest of the platform before, during and after the crowd.
package struct BystanderFigures: Codable, Hashable, Sendable {
  package struct Phase: Codable, Hashable, Sendable {
    /// Of good answers.
    package var latency: LatencyFigures
    /// Requests without a good answer.
    package var failed: Int

    init(_ tally: AnswerTally) { (latency, failed) = (LatencyFigures(tally.latency), tally.failed) }

    /// Requests.
    package var count: Int { latency.count + failed }

    /// Share of the requests without a good answer; nil without a request.
    package var failedShare: Double? { count == 0 ? nil : Double(failed) / Double(count) }
  }
  package var before: Phase
  package var during: Phase
  package var after: Phase
}

/// What the checker counted, over all policies.
package struct LedgerFigures: Codable, Hashable, Sendable {
  package var rows = 0
  package var oversold = 0
  package var duplicates = 0
  /// Redis' set beside the rows; nil without one.
  package var gateMembers: Int?
  package var gateWinnersMissing: Int?
  package var gateMembersWithoutCoupon: Int?

  package init(_ verifications: [Verification]) {
    for tally in verifications.map(\.tally) {
      rows += tally.rows
      oversold += tally.oversold
      duplicates += tally.duplicates
    }
    for gate in verifications.compactMap(\.gate) {
      gateMembers = (gateMembers ?? 0) + gate.members
      gateWinnersMissing = (gateWinnersMissing ?? 0) + gate.winnersMissing
      gateMembersWithoutCoupon = (gateMembersWithoutCoupon ?? 0) + gate.membersWithoutCoupon
    }
  }
}

/// Whether the generator itself kept to the schedule, and could send what was due.
package struct GeneratorFigures: Codable, Hashable, Sendable {
  /// A request is late when the generator turns to it this much after it was due.
  package static let lateMs = 20.0
  /// The generator is the bottleneck where a larger share of its requests is late or could not be sent.
  package static let toleratedShare = 0.01

  package var lateShare: Double
  /// Requests that it had to send; nil in reports of before.
  package var requests: Int?
  package var latenessP50Ms: Double?
  package var latenessP99Ms: Double?
  package var latenessMaxMs: Double?
  package var cpuSeconds: Double?
  /// Share of the requests that the generator's machine had no means to send, and why; nil where there were none.
  package var unsentShare: Double?
  package var unsentReason: String?
  /// Requests that found all of the generator's connections in use; nil where there were none.
  package var crowded: Int?

  package init(_ record: GeneratorRecord, cpuSeconds: Double?) {
    let lateness = record.lateness
    let late = lateness.countAbove(microseconds: Int64(GeneratorFigures.lateMs * 1_000))
    lateShare = lateness.count == 0 ? 0 : Double(late) / Double(lateness.count)
    requests = Int(lateness.count)
    (latenessP50Ms, latenessP99Ms) = (lateness.milliseconds(0.5), lateness.milliseconds(0.99))
    latenessMaxMs = lateness.milliseconds(1)
    self.cpuSeconds = cpuSeconds
    if record.unsent > 0, lateness.count > 0 {
      (unsentShare, unsentReason) = (Double(record.unsent) / Double(lateness.count), record.unsentReason)
    }
    if record.crowded > 0 { crowded = record.crowded }
  }

  package var isBottleneck: Bool { lateShare + (unsentShare ?? 0) > GeneratorFigures.toleratedShare }

  /// What kept the generator from doing its part, in words; empty where nothing did.
  package var shortcomings: String {
    let late =
      "\(GeneratorFigures.percent(lateShare)) of its requests were more than \(Int(GeneratorFigures.lateMs)) ms late"
    guard let unsentShare else { return late }
    return late
      + ", \(GeneratorFigures.percent(unsentShare)) it could not send (\(unsentReason ?? "no reason"))"
  }

  private static func percent(_ share: Double) -> String {
    let tenths = Int((share * 1_000).rounded())
    return "\(tenths / 10).\(tenths % 10) %"
  }
}

/// What one server used from before the crowd until everything was at rest.
package struct UsageFigures: Codable, Hashable, Sendable {
  package var name: String
  package var cpuSeconds: Double
  /// The largest sum of its processes' memory, what they share counted once.
  package var peakMemoryBytes: Int?

  package init(name: String, cpuSeconds: Double, peakMemoryBytes: Int?) {
    (self.name, self.cpuSeconds, self.peakMemoryBytes) = (name, cpuSeconds, peakMemoryBytes)
  }
}

package struct FindingFigures: Codable, Hashable, Sendable {
  package var invariant: String
  package var title: String
  package var verdict: String
  package var detail: String

  package init(_ finding: Finding) {
    (invariant, title) = (finding.invariant.name, finding.invariant.title)
    (verdict, detail) = (finding.word, finding.detail)
  }

  /// Whether it does not hold, or could not show.
  package var isBroken: Bool { verdict != "ok" && verdict != "n/a" }
}

/// So many at that time, in seconds from the opening.
package struct CountPoint: Codable, Hashable, Sendable {
  package var seconds: Double
  package var count: Int

  package init(seconds: Double, count: Int) { (self.seconds, self.count) = (seconds, count) }
}
