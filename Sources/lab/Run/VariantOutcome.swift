import CouponDomain

/// What a run's load took, before anything was checked.
struct Effort {
  /// Coupons of the first policy in the database over time.
  var recorded: [CountPoint] = []
  /// Coupons in the database.
  var rows = 0
  /// Of everybody who came by the plan.
  var requests = 0
  var settling = Settling(lag: 0, seconds: 0)
  var usage: [UsageFigures] = []
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
    faults = VariantOutcome.figures(histories, happened)
    findings = verifications.flatMap(\.findings).map(FindingFigures.init)
    if histories.count == 1, var series = histories.first.map({ SeriesFigures($0) }) {
      series.recorded = effort.recorded
      self.series = series
    }
    evidence = []
  }

  /// Each fault for itself: from the end of the one before to the beginning of the next.
  private static func figures(_ histories: [History], _ happened: FaultOutcome) -> [FaultFigures] {
    let windows = happened.windows.sorted { $0.from < $1.from }
    return windows.enumerated().map { index, window in
      let start = index > 0 ? windows[index - 1].to : -.infinity
      let figures = WindowFigures(
        histories, fault: window, from: start, to: happened.next(after: window.to + 0.001))
      let bites = happened.records.first { $0.name == window.name }?.bites
      return FaultFigures(window: window, bites: bites, metrics: figures.values)
    }
  }
}

/// One fault of one run, with what was measured before, during and after it.
package struct FaultFigures: Codable, Hashable, Sendable {
  package var window: FaultWindow
  package var bites: Int?
  package var metrics: [String: Double]

  package init(window: FaultWindow, bites: Int?, metrics: [String: Double]) {
    (self.window, self.bites, self.metrics) = (window, bites, metrics)
  }
}
