import CouponDomain
import Text

/// Everything that one variant's run measured, as metrics by name.
package struct RunMetrics {
  /// What the clients saw, one history a policy; without the people who came again after the fault.
  var histories: [History]
  var quotas: Int
  /// From the first fault's beginning to the last one's end.
  var fault: FaultWindow?
  var evidence: [Evidence]
  var verifications: [Verification]
  var effort: Effort
  var generatorCPU: Double
  var bites: Int?

  package init(
    histories: [History], quotas: Int, fault: FaultWindow?, evidence: [Evidence],
    verifications: [Verification], effort: Effort, generatorCPU: Double, bites: Int?
  ) {
    (self.histories, self.quotas, self.fault) = (histories, quotas, fault)
    (self.evidence, self.verifications, self.effort) = (evidence, verifications, effort)
    (self.generatorCPU, self.bites) = (generatorCPU, bites)
  }

  package var values: [String: Double] {
    var all = WindowFigures(histories, fault: fault).values
    addPeople(&all)
    addLedgers(&all)
    addTimes(&all)
    addCosts(&all)
    if let bites { all["bites"] = Double(bites) }
    return all.filter { Metric.isKnown(String($0.key.prefix { $0 != "@" })) }
  }

  private func addPeople(_ all: inout [String: Double]) {
    let people = histories.map { HistoryFigures($0, quota: 0).people }
    func sum(_ count: (PeopleFigures) -> Int) -> Double { Double(people.map(count).reduce(0, +)) }
    (all["people.accepted"], all["people.soldout"]) = (sum(\.accepted), sum(\.soldOut))
    (all["people.failed"], all["people.retried"]) = (sum(\.failed), sum(\.retried))
  }

  private func addLedgers(_ all: inout [String: Double]) {
    func sum(_ count: (Tally) -> Int) -> Double { Double(verifications.map { count($0.tally) }.reduce(0, +)) }
    let lost = Double(evidence.map(RunMetrics.lost).reduce(0, +))
    let (oversold, duplicates) = (sum(\.oversold), sum(\.duplicates))
    (all["rows"], all["oversold"], all["duplicates"]) = (sum(\.rows), oversold, duplicates)
    (all["lost"], all["accepted.failed"], all["wrong"]) = (lost, lost, oversold + duplicates + lost)
    // Of several days nobody knows how full each had to be; 0 would say that they were.
    if !verifications.isEmpty, verifications.allSatisfy(\.isOfOneDay) { all["missing"] = sum(\.missing) }
    all["findings"] = Double(verifications.flatMap(\.findings).count { !$0.passes })
    all["dead_letters"] = Double(evidence.map { Set($0.database.deadLetters).count }.max() ?? 0)
    if effort.settling.lag == 0 { all["settle_s"] = effort.settling.seconds }
  }

  /// Coupons that somebody was given and that no row records.
  private static func lost(_ evidence: Evidence) -> Int {
    var given: Set<CouponID> = []
    for history in evidence.histories { given.formUnion(history.coupons.map(\.couponID)) }
    return given.subtracting(evidence.database.coupons.map(\.coupon.claim.couponID)).count
  }

  private func addTimes(_ all: inout [String: Double]) {
    let figures = histories.map { HistoryFigures($0, quota: quotas) }
    let soldOut = figures.compactMap(\.soldOutSeconds)
    if soldOut.count == histories.count { all["sell_out_s"] = soldOut.max() }
    let answered = figures.compactMap(\.answeredSeconds).max()
    all["answered_s"] = answered
    let settled = histories.flatMap(\.requests).count { $0.call == .coupon && !$0.outcome.isUnknown }
    if let answered, answered > 0 { all["throughput"] = Double(settled) / answered }
    let won = histories.flatMap { history in
      history.requests.filter { $0.call == .coupon && $0.outcome.isOK }
        .map { Double(Int64($0.answered) - history.run.openedAfter) / 1_000_000 }
    }
    if let last = won.max(), last > 0 { all["accepted_per_s"] = Double(won.count) / last }
    guard histories.count == 1 else { return }
    if effort.rows > 0 { all["durable_s"] = durable(effort.rows) }
    if let fault, let last = lastWon(during: fault), let durable = durable(last) {
      all["durable_after_heal_s"] = max(0, durable - fault.to)
    }
  }

  /// When so many coupons were in the database, in seconds since the opening.
  private func durable(_ rows: Int) -> Double? { effort.recorded.first { $0.count >= rows }?.seconds }

  /// How many coupons the database holds once it has all that were won during the fault; nil where none was won.
  private func lastWon(during fault: FaultWindow) -> Int? {
    var won: Set<CouponID> = []
    for history in histories {
      for request in history.requests where request.call == .coupon {
        let answered = Double(Int64(request.answered) - history.run.openedAfter) / 1_000_000
        guard fault.from <= answered, answered <= fault.to, let coupon = history.coupon(of: request) else {
          continue
        }
        won.insert(coupon.couponID)
      }
    }
    let events = evidence.flatMap(\.database.events).sorted { $0.sequence < $1.sequence }.compactMap(\.claim)
    return events.lastIndex { won.contains($0.couponID) }.map { $0 + 1 }
  }

  private func addCosts(_ all: inout [String: Double]) {
    let cpu = effort.usage.map(\.cpuSeconds).reduce(0, +)
    all["cpu_s"] = cpu
    if effort.rows > 0 { all["cpu_us_per_coupon"] = cpu / Double(effort.rows) * 1e6 }
    if effort.requests > 0 { all["cpu_us_per_request"] = cpu / Double(effort.requests) * 1e6 }
    all["memory_mib"] = Double(effort.usage.compactMap(\.peakMemoryBytes).reduce(0, +)) / 1_048_576
    var lateness = Histogram()
    for history in histories { lateness.merge(HistoryFigures(history, quota: 0).lateness) }
    let generator = GeneratorFigures(lateness: lateness, cpuSeconds: generatorCPU)
    (all["lateness.share"], all["generator.cpu_s"]) = (generator.lateShare, generatorCPU)
    all["lateness.p99_ms"] = generator.latenessP99Ms
  }
}
