import CouponDomain
package import History
import Verify

/// Every metric: its name, what the documents say of it, and how it is worked out. A new one is an entry here, or for a new
/// subject a file like `TrialMetrics.swift` that is listed in `ofTrials`.
extension Metric {
  package typealias Group = (name: String, title: String, meaning: String, calls: Set<Call>)
  /// In its title, `#` stands for the group.
  package typealias Measure = (
    name: String, title: String, meaning: String, value: @Sendable (AnswerTally) -> Double?
  )
  package typealias OfTrial = (
    name: String, title: String, meaning: String, value: @Sendable (Measurement) -> Double?
  )

  /// Kinds of requests.
  package static let groups: [Group] = [
    ("coupons", "coupon requests", "requests for a coupon by the crowd, retries included", [.coupon]),
    (
      "soldout", "requests for a sold-out policy", "somebody asks for a coupon of a policy that is sold out",
      [.late]
    ),
    ("mine", "looks at the own coupon", "a holder asks for their coupon", [.mine]),
    ("bystander", "stays and bookings", "stays and bookings together", [.stays, .stay, .booking]),
    ("stays", "reads of stays", "reading stays", [.stays, .stay]),
    ("booking", "bookings", "booking a stay", [.booking]),
  ]

  private static let groupsByCall = Dictionary(
    uniqueKeysWithValues: Call.allCases.map { call in
      (call, groups.filter { $0.calls.contains(call) }.map(\.name))
    })

  static func groups(of call: Call) -> [String] { groupsByCall[call] ?? [] }

  /// What is known of a group, in each window.
  package static let measures: [Measure] = [
    ("count", "#", "requests", { Double($0.count) }),
    (
      "good", "# that were answered well", "share (0…1) that was answered as it should be",
      { $0.share($0.good) }
    ),
    ("failed", "# that failed", "share that was not", { $0.share($0.failed) }),
    (
      "accepted", "# that got what they asked for", "share answered with what was asked for",
      { $0.share($0.accepted) }
    ),
    ("refused", "# that a rule refused", "share refused by a rule", { $0.share($0.good - $0.accepted) }),
    (
      "unknown", "# whose outcome is unknown", "share without an answer that says whether something was done",
      { $0.share($0.unknown) }
    ),
    (
      "accepted_count", "# that got what they asked for", "requests answered with what was asked for",
      { Double($0.accepted) }
    ),
    (
      "failed_count", "# that failed", "requests that were not answered as they should be",
      { Double($0.failed) }
    ),
    (
      "p50_ms", "Median latency of #",
      "median latency of good answers in ms, from the time a request was due; no value of fewer than 100 answers, like all percentiles",
      { $0.milliseconds(0.5) }
    ),
    (
      "p99_ms", "99th percentile of the latency of #", "its 99th percentile, in ms", { $0.milliseconds(0.99) }
    ),
    ("max_ms", "Longest latency of #", "its maximum, in ms", { $0.milliseconds(1) }),
    (
      "recover_s", "From the fault’s end to the last failure of #",
      "seconds from the end of the fault to the last request that failed, 0 where none did; no value where the last request failed; without windows",
      // Of the order of the requests, which a tally does not have: `WindowFigures` adds it.
      { _ in nil }
    ),
  ]

  /// What is known of a trial as a whole, by subject.
  package static let ofTrials: [(title: String, entries: [OfTrial])] = [
    ("people", people), ("ledgers", ledgers), ("times", times), ("costs", costs),
  ]
}

/// What the metrics of a trial are worked out of.
package struct Measurement {
  let record: TrialRecord
  let seen: HistoryFigures
  let ledgers: LedgerFigures
  let generator: GeneratorFigures
  /// `GROUP.MEASURE` with its window ─▶ value.
  let windows: [String: Double]

  init(_ record: TrialRecord) {
    self.record = record
    seen = HistoryFigures(record.crowd, quota: record.quota)
    ledgers = LedgerFigures(record.verifications)
    generator = GeneratorFigures(seen.generator, cpuSeconds: record.effort.generatorCPU)
    windows = WindowFigures(record.crowd, fault: record.faults?.whole).values
  }

  /// Every metric that has a value.
  var metrics: [String: Double] {
    var all = windows
    for entry in Metric.ofTrials.flatMap(\.entries) { all[entry.name] = entry.value(self) }
    return all
  }

  // MARK: - Parts of metrics

  func sum(_ count: (Tally) -> Int) -> Double {
    Double(record.verifications.map { count($0.tally) }.reduce(0, +))
  }

  /// CPU seconds of all servers.
  var cpu: Double { record.effort.usage.map(\.cpuSeconds).reduce(0, +) }

  /// Seconds from the opening to each answer with a coupon.
  var wins: [Double] {
    record.crowd.flatMap { history in
      history.requests.filter { $0.call == .coupon && $0.outcome.isOK }.map { history.seconds($0.answered) }
    }
  }

  /// When so many coupons were in the database, in seconds since the opening; nil where nobody has seen that.
  func durable(_ rows: Int) -> Double? {
    guard record.crowd.count == 1, rows > 0 else { return nil }
    return record.effort.recorded.first { $0.count >= rows }?.seconds
  }

  /// Coupons that somebody had when the last fault ended, and that the database had not; nil for several policies.
  var behindAtHeal: Double? {
    guard let end = record.faults?.whole?.to, record.crowd.count == 1, let history = record.crowd.first else {
      return nil
    }
    let won = Set(
      history.requests.lazy.filter { $0.call == .coupon && history.seconds($0.answered) <= end }
        .compactMap { history.coupon(of: $0)?.couponID })
    return Double(max(0, won.count - (record.effort.recorded.last { $0.seconds <= end }?.count ?? 0)))
  }

  /// How many coupons the database holds once it has all that were won during the fault; nil where none was won.
  func lastWon(during fault: FaultWindow) -> Int? {
    var won: Set<CouponID> = []
    for history in record.crowd {
      for request in history.requests where request.call == .coupon {
        let answered = history.seconds(request.answered)
        if fault.from <= answered, answered <= fault.to, let coupon = history.coupon(of: request) {
          won.insert(coupon.couponID)
        }
      }
    }
    let events = record.evidence.flatMap(\.database.events).sorted { $0.sequence < $1.sequence }
    return events.compactMap(\.claim).lastIndex { won.contains($0.couponID) }.map { $0 + 1 }
  }
}
