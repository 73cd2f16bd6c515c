package import History
package import Text
package import Verify

/// The faults of a run as they were.
package struct FaultOutcome {
  package var records: [FaultRecord]
  /// When each was asked for, restarts included: it may have been felt before it was there for certain.
  package var begun: [Timestamp]
  package var opening: Timestamp

  package init(records: [FaultRecord], begun: [Timestamp], opening: Timestamp) {
    (self.records, self.begun, self.opening) = (records, begun, opening)
  }

  /// Each with its times since the opening.
  package var windows: [FaultWindow] {
    records.map { FaultWindow(name: $0.name, from: seconds($0.from), to: seconds($0.to)) }
  }

  /// When the first fault was asked for after a moment, in seconds since the opening.
  func next(after moment: Double) -> Double {
    begun.map(seconds).filter { $0 > moment }.min() ?? .infinity
  }

  /// From the first one's beginning to the last one's end; nil without a fault.
  package var whole: FaultWindow? {
    guard let from = windows.map(\.from).min(), let to = windows.map(\.to).max() else { return nil }
    return FaultWindow(name: "fault", from: from, to: to)
  }

  /// Counts what was felt of the faults that nothing else counts.
  ///
  /// - Parameters:
  ///   - histories: of the crowd; a list for each policy.
  ///   - recorded: coupons of the first policy in the database over time.
  package mutating func count(_ histories: [[History]], recorded: [CountPoint]) {
    for index in records.indices where records[index].bites == nil {
      let (from, to) = (records[index].from, records[index].to)
      records[index].bites =
        records[index].target == .worker
        ? FeltFault(histories.first ?? [], from: from, to: to).growthOfLag(recorded, opening: opening)
        : FeltFault(histories.flatMap { $0 }, from: from, to: to).requests
    }
  }

  /// Nil where there was no fault.
  var bites: Int? { records.isEmpty ? nil : records.compactMap(\.bites).reduce(0, +) }

  private func seconds(_ time: Timestamp) -> Double {
    Double(time.microseconds - opening.microseconds) / 1_000_000
  }
}

extension FaultOutcome {
  /// What was measured of each fault, in their order: from the end of the one before to the beginning of the next.
  package func figures(_ histories: [History]) -> [FaultFigures] {
    let faults = zip(windows, records).sorted { $0.0.from < $1.0.from }
    return faults.enumerated().map { index, fault in
      let (window, record) = fault
      let start = index > 0 ? faults[index - 1].0.to : -.infinity
      let figures = WindowFigures(
        histories, fault: window, from: start, to: next(after: window.to + 0.001))
      return FaultFigures(
        window: window, target: record.target.rawValue, bites: record.bites, metrics: figures.values,
        unrecovered: figures.unrecovered)
    }
  }
}

/// One fault of one run, with what was measured before, during and after it.
package struct FaultFigures: Codable, Hashable, Sendable {
  package var window: FaultWindow
  /// `database`, `redis`, `kafka`, `api` or `worker`; the monolith's program is an `api`.
  package var target: String
  package var bites: Int?
  package var metrics: [String: Double]
  /// Kinds of requests that failed to the last, with the seconds that were watched after the fault; they have no
  /// `recover_s`.
  package var unrecovered: [String: Double]

  package init(
    window: FaultWindow, target: String, bites: Int?, metrics: [String: Double],
    unrecovered: [String: Double] = [:]
  ) {
    (self.window, self.target, self.bites) = (window, target, bites)
    (self.metrics, self.unrecovered) = (metrics, unrecovered)
  }
}
