package import History

/// A trial in about 150 slices of equal width; slice 0 begins `startSeconds` from the opening. A request belongs to the
/// slice in which it was due.
package struct SeriesFigures: Codable, Hashable, Sendable {
  package var startSeconds: Double
  package var sliceSeconds: Double
  /// First requests that were due in the slice.
  package var due: [Int] = []
  /// Answers ok or refused that came in the slice.
  package var settled: [Int] = []
  /// Mean and longest latency of the good answers to coupon requests; nil in a slice without one. (A slice has too few
  /// answers for percentiles.)
  package var meanMs: [Double?] = []
  package var maxMs: [Double?] = []
  /// Share of the coupon requests without a good answer; nil in a slice without a request.
  package var failed: [Double?] = []
  package var bystanderMeanMs: [Double?] = []
  package var bystanderMaxMs: [Double?] = []
  package var bystanderFailed: [Double?] = []
  /// Coupons in people's hands.
  package var issued: [CountPoint] = []
  /// Rows in the database as they were seen.
  package var recorded: [CountPoint] = []

  package init(_ history: History, recorded: [CountPoint] = []) {
    let opened = history.run.openedAfter
    let first = history.requests.map { Int64($0.due) }.min() ?? opened
    let last = history.requests.map { Int64($0.answered) }.max() ?? opened
    let width = SeriesFigures.slice(for: max(last - first, 1))
    // Slices are aligned with the opening, so that it falls between two of them.
    let before = (opened - first + width - 1) / width
    let start = opened - before * width
    (startSeconds, sliceSeconds) = (-Double(before * width) / 1_000_000, Double(width) / 1_000_000)
    (issued, self.recorded) = (SeriesFigures.issued(history), recorded)
    fill(history, count: Int((last - start) / width) + 1) { Int((Int64($0) - start) / width) }
  }

  /// Seconds since the opening.
  package func start(of slice: Int) -> Double { startSeconds + Double(slice) * sliceSeconds }
  package func middle(of slice: Int) -> Double { start(of: slice) + sliceSeconds / 2 }
  package var endSeconds: Double { start(of: due.count) }

  private static func slice(for span: Int64) -> Int64 {
    let widths: [Int64] = [
      50_000, 100_000, 200_000, 250_000, 500_000, 1_000_000, 2_000_000, 5_000_000, 10_000_000, 30_000_000,
    ]
    return widths.first { span / $0 <= 150 } ?? 60_000_000
  }

  private mutating func fill(_ history: History, count: Int, slice: (UInt32) -> Int) {
    due = [Int](repeating: 0, count: count)
    settled = due
    var crowd = [AnswerTally](repeating: AnswerTally(), count: count)
    var bystander = crowd
    for request in history.requests {
      let dueIn = slice(request.due)
      if request.call.isBystander { bystander[dueIn].add(request) }
      guard request.call == .coupon else { continue }
      crowd[dueIn].add(request)
      if request.attempt <= 1 { due[dueIn] += 1 }
      if !request.outcome.isUnknown { settled[slice(request.answered)] += 1 }
    }
    (meanMs, maxMs) = (crowd.map(\.meanMs), crowd.map { $0.milliseconds(1) })
    failed = crowd.map { $0.share($0.failed) }
    (bystanderMeanMs, bystanderMaxMs) = (bystander.map(\.meanMs), bystander.map { $0.milliseconds(1) })
    bystanderFailed = bystander.map { $0.share($0.failed) }
  }

  /// The time of every winner, or of every n-th where there are many.
  private static func issued(_ history: History) -> [CountPoint] {
    let won = history.wonAt
    let step = max(1, won.count / 250)
    let shown = won.indices.filter { $0.isMultiple(of: step) || $0 == won.count - 1 }
    return shown.map { index in
      CountPoint(seconds: (history.seconds(won[index]) * 10_000).rounded() / 10_000, count: index + 1)
    }
  }
}
