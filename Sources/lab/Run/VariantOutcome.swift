import CouponDomain
import History
package import Verify

/// What a run's load took, before anything was checked.
package struct Effort {
  /// Coupons of the first policy in the database over time.
  var recorded: [CountPoint] = []
  /// Coupons in the database.
  var rows = 0
  /// Of everybody who came by the plan.
  var requests = 0
  var settling = Settling(lag: 0, seconds: 0)
  var usage: [UsageFigures] = []

  package init(
    recorded: [CountPoint] = [], rows: Int = 0, requests: Int = 0,
    settling: Settling = Settling(lag: 0, seconds: 0), usage: [UsageFigures] = []
  ) {
    (self.recorded, self.rows, self.requests) = (recorded, rows, requests)
    (self.settling, self.usage) = (settling, usage)
  }
}

/// What one variant's run of one round has shown.
struct VariantOutcome {
  let variant: Scenario.Variant
  var versions: [String: String] = [:]
  var programSettings: [String: [String: String]] = [:]
  /// One a policy.
  var histories: [SeenHistories] = []
  var evidence: [Evidence] = []
  var verifications: [Verification] = []
  var generatorCPU = 0.0
  var effort = Effort()
  private(set) var metrics: [String: Double] = [:]
  private(set) var faults: [FaultFigures] = []
  private(set) var findings: [FindingFigures] = []
  private(set) var series: SeriesFigures?
  private(set) var strategy = ""

  init(variant: Scenario.Variant) { self.variant = variant }

  var passed: Bool { !verifications.isEmpty && verifications.allSatisfy(\.passed) }

  /// Works everything out and lets go of the ledgers, which are large.
  mutating func finish(_ histories: [History], _ happened: FaultOutcome) {
    strategy = histories.first?.run.strategy ?? ""
    metrics =
      RunMetrics(
        histories: histories, quotas: evidence.first?.policy.dailyQuota ?? 0, fault: happened.whole,
        evidence: evidence, verifications: verifications, effort: effort,
        generatorCPU: generatorCPU, bites: happened.bites
      ).values
    faults = happened.figures(histories)
    findings = verifications.flatMap(\.findings).map(FindingFigures.init)
    if histories.count == 1, var series = histories.first.map({ SeriesFigures($0) }) {
      series.recorded = effort.recorded
      self.series = series
    }
    evidence = []
  }
}
