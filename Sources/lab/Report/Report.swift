package import History
package import Verify

/// Everything a report shows: `report.json` as it is written, and all that `report.html` is drawn from.
package struct Report: Codable, Hashable, Sendable {
  package static let version = 1
  package var formatVersion = Report.version
  /// ISO 8601, UTC.
  package var createdAt: String
  /// The sources that were run; `unknown` outside a checkout, with `+` where they were changed.
  package var commit: String
  package var settings: LoadFigures
  package var machine: Machine
  /// Servers and libraries by name.
  package var versions: [String: String]
  /// What the programs were told, by program; without secrets.
  package var programSettings: [String: [String: String]]
  package var runs: [RunFigures]

  package init(
    createdAt: String, commit: String, settings: LoadFigures, machine: Machine, versions: [String: String],
    programSettings: [String: [String: String]], runs: [RunFigures]
  ) {
    (self.createdAt, self.commit, self.settings, self.machine) = (createdAt, commit, settings, machine)
    (self.versions, self.programSettings, self.runs) = (versions, programSettings, runs)
  }

  package var passed: Bool { !runs.isEmpty && runs.allSatisfy(\.verified) }
}

/// The load, the same for every run of a report.
package struct LoadFigures: Codable, Hashable, Sendable {
  package var people: Int
  package var quota: Int
  /// People a second at the opening.
  package var ratePerSecond: Double
  package var earlyShare: Double
  package var attempts: Int
  package var connections: Int
  package var patienceMs: Int
  package var bystanderPerSecond: Double
  /// A decimal number: 64 bits are more than JSON's readers keep.
  package var seed: String

  package init(
    people: Int, quota: Int, ratePerSecond: Double, earlyShare: Double, attempts: Int, connections: Int,
    patienceMs: Int, bystanderPerSecond: Double, seed: String
  ) {
    (self.people, self.quota, self.ratePerSecond) = (people, quota, ratePerSecond)
    (self.earlyShare, self.attempts, self.connections) = (earlyShare, attempts, connections)
    (self.patienceMs, self.bystanderPerSecond, self.seed) = (patienceMs, bystanderPerSecond, seed)
  }
}

package struct Machine: Codable, Hashable, Sendable {
  package var processor: String
  package var cores: Int
  package var memoryBytes: Int
  package var system: String
  package var swift: String

  package init(processor: String, cores: Int, memoryBytes: Int, system: String, swift: String) {
    (self.processor, self.cores, self.memoryBytes) = (processor, cores, memoryBytes)
    (self.system, self.swift) = (system, swift)
  }
}

/// One architecture's run.
package struct RunFigures: Codable, Hashable, Sendable {
  package var architecture: String
  package var strategy: String
  package var people: PeopleFigures
  package var requests: RequestFigures
  /// From a person's first due request (or the opening) until they held a coupon or heard "sold out".
  package var waits: WaitFigures
  package var bystander: BystanderFigures
  package var ledgers: LedgerFigures
  package var milestones: MilestoneFigures
  package var generator: GeneratorFigures
  package var usage: [UsageFigures]
  package var findings: [FindingFigures]
  package var series: SeriesFigures
  package var verified: Bool

  package init(
    architecture: String, strategy: String, people: PeopleFigures, requests: RequestFigures,
    waits: WaitFigures, bystander: BystanderFigures, ledgers: LedgerFigures, milestones: MilestoneFigures,
    generator: GeneratorFigures, usage: [UsageFigures], findings: [FindingFigures], series: SeriesFigures,
    verified: Bool
  ) {
    (self.architecture, self.strategy, self.people, self.requests) =
      (architecture, strategy, people, requests)
    (self.waits, self.bystander, self.ledgers, self.milestones) = (waits, bystander, ledgers, milestones)
    (self.generator, self.usage, self.findings) = (generator, usage, findings)
    (self.series, self.verified) = (series, verified)
  }
}

/// How it ended for each person; the four add up to the people who came.
package struct PeopleFigures: Codable, Hashable, Sendable {
  package var accepted = 0
  package var soldOut = 0
  /// Turned away for another reason (not open, 4xx).
  package var otherwiseRefused = 0
  /// Nobody gave them an answer that settles it, however often they asked.
  package var failed = 0
  /// People who had to ask more than once because of trouble (coming too early is not trouble).
  package var retried = 0

  package init() {}
}

/// How each request for a coupon ended, and how long it took from the time it was due.
package struct RequestFigures: Codable, Hashable, Sendable {
  package var total = 0
  /// Requests after a person's first.
  package var retries = 0
  package var byOutcome: [String: Int] = [:]
  /// First requests that won.
  package var winners = LatencyFigures(Histogram())
  /// First requests that heard "sold out".
  package var soldOut = LatencyFigures(Histogram())
  /// Later requests that were answered ok or refused.
  package var retried = LatencyFigures(Histogram())
  /// Requests without an answer that settles anything.
  package var failed = LatencyFigures(Histogram())

  package init() {}
}

package struct WaitFigures: Codable, Hashable, Sendable {
  package var winners: LatencyFigures
  package var soldOut: LatencyFigures

  package init(winners: LatencyFigures, soldOut: LatencyFigures) {
    (self.winners, self.soldOut) = (winners, soldOut)
  }
}

package struct LatencyFigures: Codable, Hashable, Sendable {
  package var count: Int
  package var p50Ms: Double?
  package var p99Ms: Double?
  package var p999Ms: Double?
  package var maxMs: Double?

  package init(_ histogram: Histogram) {
    func milliseconds(_ fraction: Double) -> Double? {
      histogram.quantile(fraction).map { Double($0) / 1_000 }
    }
    count = Int(histogram.count)
    (p50Ms, p99Ms, p999Ms) = (milliseconds(0.5), milliseconds(0.99), milliseconds(0.999))
    maxMs = milliseconds(1)
  }
}

/// The rest of the platform before, during and after the crowd.
package struct BystanderFigures: Codable, Hashable, Sendable {
  package struct Phase: Codable, Hashable, Sendable {
    package var latency: LatencyFigures
    /// Requests that were not answered as they should be.
    package var failed: Int
  }
  package var before: Phase
  package var during: Phase
  package var after: Phase
}

/// What the checker counted.
package struct LedgerFigures: Codable, Hashable, Sendable {
  package var rows: Int
  package var oversold: Int
  package var duplicates: Int
  /// Redis' set beside the rows; nil without one.
  package var gateMembers: Int?
  package var gateWinnersMissing: Int?
  package var gateMembersWithoutCoupon: Int?

  package init(_ tally: Tally, gate: GateComparison?) {
    (rows, oversold, duplicates) = (tally.rows, tally.oversold, tally.duplicates)
    (gateMembers, gateWinnersMissing) = (gate?.members, gate?.winnersMissing)
    gateMembersWithoutCoupon = gate?.membersWithoutCoupon
  }
}

/// Seconds from the opening.
package struct MilestoneFigures: Codable, Hashable, Sendable {
  /// Until the last coupon was in somebody's hands; nil where the day did not sell out.
  package var soldOutSeconds: Double?
  /// Until every winner was in the database (looked at ten times a second); nil where that was not seen.
  package var durableSeconds: Double?
  /// Until everybody had their last answer.
  package var answeredSeconds: Double?

  package init(soldOutSeconds: Double?, durableSeconds: Double?, answeredSeconds: Double?) {
    (self.soldOutSeconds, self.durableSeconds) = (soldOutSeconds, durableSeconds)
    self.answeredSeconds = answeredSeconds
  }
}

/// Whether the generator itself kept to the schedule.
package struct GeneratorFigures: Codable, Hashable, Sendable {
  /// A request is late when it leaves this much after it was due.
  package static let lateMs = 20.0
  /// The generator is the bottleneck where a larger share of its requests is late.
  package static let toleratedShare = 0.01

  package var lateShare: Double
  package var latenessP50Ms: Double?
  package var latenessP99Ms: Double?
  package var latenessMaxMs: Double?
  package var cpuSeconds: Double?

  package init(lateness: Histogram, cpuSeconds: Double?) {
    let latency = LatencyFigures(lateness)
    let late = lateness.countAbove(microseconds: Int64(GeneratorFigures.lateMs * 1_000))
    lateShare = lateness.count == 0 ? 0 : Double(late) / Double(lateness.count)
    (latenessP50Ms, latenessP99Ms, latenessMaxMs) = (latency.p50Ms, latency.p99Ms, latency.maxMs)
    self.cpuSeconds = cpuSeconds
  }

  package var isBottleneck: Bool { lateShare > GeneratorFigures.toleratedShare }
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
}

/// The run in slices of equal width; slice 0 begins `startSeconds` from the opening.
package struct SeriesFigures: Codable, Hashable, Sendable {
  package var startSeconds: Double
  package var sliceSeconds: Double
  /// First requests that were due in the slice.
  package var due: [Int] = []
  /// Answers ok or refused that came in the slice.
  package var settled: [Int] = []
  /// Latency of the coupon requests that were due in the slice, however they ended.
  package var p50Ms: [Double?] = []
  package var p99Ms: [Double?] = []
  package var bystanderP50Ms: [Double?] = []
  package var bystanderP99Ms: [Double?] = []
  /// Coupons in people's hands.
  package var issued: [CountPoint] = []
  /// Rows in the database as they were seen.
  package var recorded: [CountPoint] = []

  package init(startSeconds: Double, sliceSeconds: Double) {
    (self.startSeconds, self.sliceSeconds) = (startSeconds, sliceSeconds)
  }
}

/// So many at that time, in seconds from the opening.
package struct CountPoint: Codable, Hashable, Sendable {
  package var seconds: Double
  package var count: Int

  package init(seconds: Double, count: Int) { (self.seconds, self.count) = (seconds, count) }
}
