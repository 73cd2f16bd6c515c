package import History
package import Verify

/// One variant once, as it was: what every figure is worked out of.
package struct TrialRecord {
  /// What the crowd saw, one history a policy; without the people who came once more after the fault.
  package var crowd: [History]
  /// Coupons of each policy.
  package var quota: Int
  package var evidence: [Evidence] = []
  package var verifications: [Verification] = []
  package var effort = Effort()
  /// Nil where none was planned.
  package var faults: FaultOutcome?

  package init(crowd: [History], quota: Int) { (self.crowd, self.quota) = (crowd, quota) }
}

/// What a trial's load took, before anything was checked.
package struct Effort {
  /// Coupons of the first policy in the database over time.
  package var recorded: [CountPoint] = []
  /// Coupons in the database.
  package var rows = 0
  /// Of everybody who came by the plan.
  package var requests = 0
  package var settling = Settling(lag: 0, seconds: 0)
  package var usage: [UsageFigures] = []
  package var generatorCPU = 0.0

  package init() {}
}

extension TrialFigures {
  package init(_ record: TrialRecord) {
    let measured = Measurement(record)
    let (seen, run) = (measured.seen, record.crowd.first?.run)
    self.init(
      architecture: run?.architecture.rawValue ?? "", strategy: run?.strategy ?? "", people: seen.people,
      requests: seen.requests, waits: seen.waits, bystander: seen.bystander, ledgers: measured.ledgers,
      generator: measured.generator, usage: record.effort.usage,
      findings: record.verifications.flatMap(\.findings).map(FindingFigures.init),
      series: record.crowd.count == 1
        ? SeriesFigures(record.crowd[0], recorded: record.effort.recorded) : nil,
      faults: record.faults?.figures(record.crowd) ?? [], metrics: measured.metrics,
      verified: !record.verifications.isEmpty && record.verifications.allSatisfy(\.passed))
  }
}
