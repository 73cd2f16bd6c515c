/// When a metric is looked at. A request belongs to the window in which it was due.
package enum Window: String, Codable, Hashable, Sendable, CaseIterable {
  /// The whole run.
  case whole
  /// From the opening (the bystander: from its beginning) until the first fault begins.
  case before
  /// From the first fault's beginning until the last one has healed.
  case during
  /// From then on.
  case after
}

/// One measured quantity of a run: its name, and the window where it has windows.
///
///     coupons.failed            share of the requests for coupons
///     bystander.p99_ms@during   the same name, looked at during the fault
package struct Metric: Hashable, Sendable, CustomStringConvertible {
  package let name: String
  package let window: Window

  /// Nil where no run has such a metric, or none in that window.
  package init?(_ name: String, _ window: Window = .whole) {
    guard window == .whole ? Metric.isKnown(name) : Metric.hasWindows(name) else { return nil }
    (self.name, self.window) = (name, window)
  }

  /// Why a name is not understood.
  package static func problem(_ name: String, _ window: Window) -> String {
    isKnown(name) ? "“\(name)” is of the whole run and has no \(window.rawValue)" : "“\(name)” is no metric"
  }

  package var description: String { window == .whole ? name : "\(name)@\(window.rawValue)" }

  /// Of a description.
  package init?(described description: String) {
    let parts = description.split(separator: "@", omittingEmptySubsequences: false)
    guard let name = parts.first, parts.count <= 2 else { return nil }
    guard let window = parts.count == 2 ? Window(rawValue: String(parts[1])) : .whole else { return nil }
    self.init(String(name), window)
  }

  /// In words, as a chart's title: `Coupon requests that failed, during the fault`.
  package var title: String {
    let parts = name.split(separator: ".")
    let ofGroup = Metric.groups.first { $0.name == parts.first ?? "" }.flatMap { group in
      Metric.measures.first { $0.name == parts.last ?? "" }.map {
        $0.title.replacing("#", with: group.title)
      }
    }
    let ofTrial = Metric.ofTrials.lazy.flatMap(\.entries).first { $0.name == name }?.title
    let text = ofTrial ?? ofGroup ?? name
    let when = window == .whole ? "" : ", \(window.rawValue) the fault"
    return text.prefix(1).uppercased() + text.dropFirst() + when
  }

  /// The count of the requests that this is a share of; nil where it is none of requests.
  package var sharedCount: Metric? {
    let parts = name.split(separator: ".")
    let shares: Set<Substring> = ["good", "failed", "accepted", "refused", "unknown"]
    guard parts.count == 2, shares.contains(parts[1]) else { return nil }
    return Metric("\(parts[0]).count", window)
  }

  package static func isKnown(_ name: String) -> Bool {
    isOfGroup(name) || ofTrials.contains { $0.entries.contains { $0.name == name } }
  }

  /// `GROUP.MEASURE`, where that is measured before, during and after a fault.
  package static func hasWindows(_ name: String) -> Bool { isOfGroup(name) && !name.hasSuffix(".recover_s") }

  private static func isOfGroup(_ name: String) -> Bool {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 2 && groups.contains { $0.name == parts[0] }
      && measures.contains { $0.name == parts[1] }
  }

  // MARK: - For the documents

  /// A table of the documents, in its order.
  package struct Section: Sendable {
    package let title: String
    package let entries: [(name: String, meaning: String)]

    /// As `docs/scenarios.md` has it.
    package var markdown: String {
      (["| \(title) | what |", "|---|---|"] + entries.map { "| `\($0.name)` | \($0.meaning) |" })
        .joined(separator: "\n")
    }
  }

  package static var sections: [Section] {
    [
      Section(title: "group", entries: groups.map { ($0.name, $0.meaning) }),
      Section(title: "measure", entries: measures.map { ($0.name, $0.meaning) }),
    ] + ofTrials.map { Section(title: $0.title, entries: $0.entries.map { ($0.name, $0.meaning) }) }
  }
}
