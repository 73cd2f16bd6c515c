package import History

extension SeriesFigures {
  /// Cuts a history into about 150 slices.
  package init(_ history: History) {
    let opened = history.run.openedAfter
    let first = history.requests.map { Int64($0.due) }.min() ?? opened
    let last = history.requests.map { Int64($0.answered) }.max() ?? opened
    let width = SeriesFigures.slice(for: max(last - first, 1))
    // Slices are aligned with the opening, so that it falls between two of them.
    let before = (opened - first + width - 1) / width
    let start = opened - before * width
    let count = Int((last - start) / width) + 1
    self.init(startSeconds: -Double(before * width) / 1_000_000, sliceSeconds: Double(width) / 1_000_000)
    fill(history, count: count) { Int((Int64($0) - start) / width) }
  }

  private static func slice(for span: Int64) -> Int64 {
    let widths: [Int64] = [
      50_000, 100_000, 200_000, 250_000, 500_000, 1_000_000, 2_000_000, 5_000_000, 10_000_000, 30_000_000,
    ]
    return widths.first { span / $0 <= 150 } ?? 60_000_000
  }

  private mutating func fill(_ history: History, count: Int, slice: (UInt32) -> Int) {
    due = [Int](repeating: 0, count: count)
    settled = due
    issued = SeriesFigures.issued(history)
    var crowd = [Histogram](repeating: Histogram(), count: count)
    var bystander = crowd
    for request in history.requests {
      let (dueIn, answeredIn) = (slice(request.due), slice(request.answered))
      guard request.call == .coupon else {
        if request.call.isBystander { bystander[dueIn].record(microseconds: request.latency) }
        continue
      }
      crowd[dueIn].record(microseconds: request.latency)
      if request.attempt <= 1 { due[dueIn] += 1 }
      if !request.outcome.isUnknown { settled[answeredIn] += 1 }
    }
    func quantiles(_ histograms: [Histogram], _ fraction: Double) -> [Double?] {
      histograms.map { $0.quantile(fraction).map { Double($0) / 1_000 } }
    }
    (p50Ms, p99Ms) = (quantiles(crowd, 0.5), quantiles(crowd, 0.99))
    (bystanderP50Ms, bystanderP99Ms) = (quantiles(bystander, 0.5), quantiles(bystander, 0.99))
  }

  /// The time of every winner, or of every n-th where there are many.
  private static func issued(_ history: History) -> [CountPoint] {
    let won = history.wonAt
    let step = max(1, won.count / 250)
    let shown = won.indices.filter { $0.isMultiple(of: step) || $0 == won.count - 1 }
    return shown.map { index in
      let seconds = Double(Int64(won[index]) - history.run.openedAfter) / 1_000_000
      return CountPoint(seconds: (seconds * 10_000).rounded() / 10_000, count: index + 1)
    }
  }
}
