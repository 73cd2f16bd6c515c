import Figures
import CouponDomain
import Experiments
import History
import LabTestSupport
import Load
import Reports
import Text
import Verify

/// A report as a demo makes it, of invented latencies.
enum SyntheticReport {
  static func history(
    _ architecture: Architecture, people: Int, quota: Int, slowness: Double, seed: UInt64
  ) throws -> History {
    let opened: Int64 = 5_000_000
    let run = RunFacts(
      architecture: architecture, strategy: architecture == .eda ? "log" : "for-update",
      policyID: try unwrap(PolicyID(1)), seed: seed, people: people, namePrefix: "p",
      startedAt: SyntheticRun.start,
      openedAfter: opened, deadlineMilliseconds: 2_000)
    var history = History(run: run)
    var random = Randomness(seed: seed, stream: 7)
    let day = try unwrap(Day("2025-01-31"))
    var issued = 0
    for (person, arrival) in Crowd(people: people, rate: Double(people) / 10, seed: seed).arrivals()
      .enumerated()
    {
      let due = opened + arrival
      let latency = Int64((1 + random.exponential()) * slowness * (arrival < 4_000_000 ? 20_000 : 1_000))
      let outcome: Outcome = arrival < 0 ? .notOpen : issued < quota ? .created : .soldOut
      let request = RequestRecord(
        call: .coupon, outcome: outcome, attempt: 1, person: UInt32(person), due: UInt32(due),
        sent: UInt32(due + 300), answered: UInt32(due + latency))
      if outcome == .created { issued += 1 }
      let coupon = SeenCoupon(
        couponID: CouponID(high: 2, low: UInt64(person)), rank: issued, day: day, issuedAt: SyntheticRun.start
      )
      history.append(request, coupon: outcome == .created ? coupon : nil)
    }
    var visits = BystanderSchedule(requestsPerSecond: 40, stays: 5, seed: seed)
    var visit = visits.next()
    while visit.due < 40_000_000 {
      let latency = Int64((1 + random.exponential()) * slowness * (visit.due > opened ? 4_000 : 1_000))
      history.append(
        RequestRecord(
          call: visit.call, outcome: .existing, attempt: 1, person: UInt32(visit.person),
          due: UInt32(visit.due),
          sent: UInt32(visit.due + 200), answered: UInt32(visit.due + latency)))
      visit = visits.next()
    }
    return history
  }

  static func run(_ architecture: Architecture, people: Int, quota: Int, slowness: Double) throws
    -> TrialFigures
  {
    let history = try history(architecture, people: people, quota: quota, slowness: slowness, seed: 3)
    var record = TrialRecord(crowd: [history], quota: quota)
    record.verifications = [Verification(checking: try SyntheticRun(architecture).evidence)]
    record.effort.rows = quota
    record.effort.generatorCPU = 3.25
    record.effort.recorded = (0...20).map {
      CountPoint(seconds: Double($0) / 10, count: min(quota, $0 * quota / 15))
    }
    record.effort.usage = [
      UsageFigures(name: architecture.rawValue, cpuSeconds: 4.2, peakMemoryBytes: 30 << 20),
      UsageFigures(name: "PostgreSQL", cpuSeconds: 6.1, peakMemoryBytes: 180 << 20),
    ]
    return TrialFigures(record)
  }

  /// A column of one round.
  static func column(_ title: String, _ runs: TrialFigures...) -> Report.Column {
    Report.Column(
      name: title.replacing(" + ", with: "-"), title: title,
      programSettings: ["monolith": ["COUPON_POOL": "2", "DATABASE_POOL": "8"]], runs: runs)
  }

  static func report(people: Int = 2_000, quota: Int = 100) throws -> Report {
    try report([
      column("monolith", run(.monolith, people: people, quota: quota, slowness: 1.8)),
      column("eda", run(.eda, people: people, quota: quota, slowness: 1)),
    ])
  }

  static func report(
    _ columns: [Report.Column], people: Int = 2_000, quota: Int = 100, broker: String = "embedded"
  ) throws -> Report {
    let result = ExperimentResult(
      name: "00-demo", question: "?", createdAt: "2025-01-31T01:00:00Z", commit: "0123abc",
      seed: String(UInt64.max), isQuick: false, rounds: columns.map(\.runs.count).max() ?? 0,
      machine: Machine(
        processor: "a <fast> one", cores: 2, memoryBytes: 4 << 30, system: "Linux", swift: "6.3"),
      versions: ["PostgreSQL": "15.1", "Redis": "7.0", "broker": broker], variants: [], runs: [],
      medians: [:],
      shown: [], judgements: [])
    var load = LoadOptions(seed: .max)
    (load.people, load.quota, load.rate) = (people, quota, Double(people) / 10)
    return Report(result, load, columns: columns, beside: [7, 5, 6])
  }
}
