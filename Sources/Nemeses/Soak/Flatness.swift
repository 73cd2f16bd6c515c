import Laboratory

/// Whether a measure stays flat.
///
/// The rule: what comes after the warm-up (the first fifth) is cut into eight windows; each counts with its median, so that
/// a moment's peak counts for nothing. A straight line is laid through the eight medians by least squares. The measure is
/// flat if this line rises by no more than 5 % of its beginning from the first window to the last; or by no more than the
/// measure's grain (a few descriptors, a session, a MiB) and what was asked to be kept: so many bytes for each row that was
/// written.
package struct Flatness: Codable, Hashable, Sendable {
  package var name: String
  package var measure: String
  /// Of the line at the first and at the last window.
  package var from: Double
  package var to: Double
  /// What it may rise by.
  package var allowed: Double
  package var isFlat: Bool

  package static let warmUp = 0.2
  package static let windows = 8
  package static let share = 0.05

  /// Nil where there are too few samples for eight windows.
  ///
  /// - Parameters:
  ///   - values: in the order of time.
  ///   - grain: a rise that is none.
  ///   - keep: bytes a row.
  ///   - rows: how many rows there were at each value's time.
  package init?(
    _ name: String, _ measure: String, _ values: [Double], grain: Double, keep: Double = 0, rows: [Int] = []
  ) {
    let first = Int(Double(values.count) * Flatness.warmUp)
    let rest = Array(values.dropFirst(first))
    guard rest.count >= Flatness.windows else { return nil }
    let medians = (0..<Flatness.windows).map { window in
      let part = rest[rest.count * window / Flatness.windows..<rest.count * (window + 1) / Flatness.windows]
        .sorted()
      return part[part.count / 2]
    }
    let middle = Double(Flatness.windows - 1) / 2
    let mean = medians.reduce(0, +) / Double(medians.count)
    let (above, below) = medians.enumerated().reduce(into: (0.0, 0.0)) { sums, window in
      let x = Double(window.offset) - middle
      sums.0 += x * (window.element - mean)
      sums.1 += x * x
    }
    let slope = above / below
    (self.name, self.measure) = (name, measure)
    from = mean - slope * middle
    to = mean + slope * middle
    let written = Double((rows.last ?? 0) - (rows.dropFirst(first).first ?? 0))
    allowed = max(Flatness.share * abs(from), grain) + keep * written
    isFlat = to - from <= allowed
  }

  /// All measures of all programs and servers.
  package static func judge(_ samples: [SoakSample]) -> [Flatness] {
    var names: [String] = []
    for sample in samples where !names.contains(sample.name) { names.append(sample.name) }
    return names.flatMap { name in
      let own = samples.filter { $0.name == name }
      let rows = own.map(\.rows)
      return [
        Flatness(
          name, "memory", own.map { Double($0.memoryBytes) }, grain: Grain.memory, keep: Grain.memoryARow,
          rows: rows),
        Flatness(
          name, "descriptors", own.map { Double($0.descriptors) },
          grain: name == LabPart.postgres.rawValue ? Grain.session : Grain.descriptors),
        Flatness(
          name, "disk", own.map { Double($0.diskBytes) }, grain: Grain.disk, keep: Grain.diskARow, rows: rows),
      ].compactMap { $0 }
    }
  }

  /// What is no leak.
  package enum Grain {
    package static let memory = 1_048_576.0
    package static let descriptors = 4.0
    /// What a session of PostgreSQL has open: one more or less is how many callers there are.
    package static let session = 64.0
    package static let disk = 262_144.0
    /// A winner in an API's list, or a message in the embedded broker, with what a dictionary keeps free.
    package static let memoryARow = 1_024.0
    /// A coupon with its event and their four index entries, or a booking; a line in a log for each is too much.
    package static let diskARow = 1_536.0
  }
}
