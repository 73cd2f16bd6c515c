package import History

/// A variant's first round as its charts show it.
package struct ChartedRun: Sendable {
  /// Stays and bookings that were due in one slice of `series`.
  package struct Slice: Hashable, Sendable {
    /// Of good answers; nil without one.
    package var p99Ms: Double?
    /// Share that was not answered as it should be; nil where nobody asked.
    package var failed: Double?
  }

  package let name: String
  package let architecture: String
  package let series: SeriesFigures
  package let fault: FaultWindow?
  package let bystander: [Slice]

  /// - Parameter history: the one that `series` was made of.
  package init(
    name: String, architecture: String, series: SeriesFigures, fault: FaultWindow?, history: History
  ) {
    (self.name, self.architecture, self.series, self.fault) = (name, architecture, series, fault)
    bystander = ChartedRun.slices(history, like: series)
  }

  /// Seconds since the opening.
  func start(of slice: Int) -> Double { series.startSeconds + Double(slice) * series.sliceSeconds }

  func middle(of slice: Int) -> Double { start(of: slice) + series.sliceSeconds / 2 }

  private static func slices(_ history: History, like series: SeriesFigures) -> [Slice] {
    var good = [Histogram](repeating: Histogram(), count: series.due.count)
    var failed = [Int](repeating: 0, count: series.due.count)
    for request in history.requests where request.call.isBystander {
      let due = Double(Int64(request.due) - history.run.openedAfter) / 1_000_000
      let slice = Int((due - series.startSeconds) / series.sliceSeconds)
      guard good.indices.contains(slice) else { continue }
      if GroupFigures.isGood(request) {
        good[slice].record(microseconds: request.latency)
      } else {
        failed[slice] += 1
      }
    }
    return zip(good, failed).map { good, failed in
      let count = Int(good.count) + failed
      return Slice(
        p99Ms: good.quantile(0.99).map { Double($0) / 1_000 },
        failed: count == 0 ? nil : Double(failed) / Double(count))
    }
  }
}
