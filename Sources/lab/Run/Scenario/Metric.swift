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

  package static func isKnown(_ name: String) -> Bool { plain[name] != nil || isOfGroup(name) }

  /// `GROUP.MEASURE`, where that is measured before, during and after a fault.
  package static func hasWindows(_ name: String) -> Bool { isOfGroup(name) && !name.hasSuffix(".recover_s") }

  private static func isOfGroup(_ name: String) -> Bool {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 2 && groups[String(parts[0])] != nil && measures[String(parts[1])] != nil
  }

  // MARK: - The catalogue

  /// A table of the documents, in its order.
  package struct Section: Sendable {
    package let title: String
    package let entries: [(name: String, meaning: String)]

    /// As `docs/scenarios.md` has it.
    package var markdown: String {
      (["| \(title) | what |", "|---|---|"] + entries.map { "| `\($0.name)` | \($0.meaning) |" })
        .joined(separator: "\n")
    }

    fileprivate var byName: [String: String] { Dictionary(uniqueKeysWithValues: entries.map { $0 }) }
  }

  package static let groups = groupSection.byName
  package static let measures = measureSection.byName
  package static let plain = plainSections.reduce(into: [:]) { $0.merge($1.byName) { first, _ in first } }

  package static var sections: [Section] { [groupSection, measureSection] + plainSections }

  /// Kinds of requests.
  private static let groupSection = Section(
    title: "group",
    entries: [
      ("coupons", "requests for a coupon by the crowd, retries included"),
      ("soldout", "somebody asks for a coupon of a policy that is sold out"),
      ("mine", "a holder asks for their coupon"),
      ("bystander", "stays and bookings together"), ("stays", "reading stays"), ("booking", "booking a stay"),
    ])

  /// What is known of a group.
  private static let measureSection = Section(
    title: "measure",
    entries: [
      ("count", "requests"),
      ("good", "share (0…1) that was answered as it should be"), ("failed", "share that was not"),
      ("accepted", "share answered with what was asked for"), ("refused", "share refused by a rule"),
      ("unknown", "share without an answer that says whether something was done"),
      ("accepted_count", "requests answered with what was asked for"),
      ("failed_count", "requests that were not answered as they should be"),
      (
        "p50_ms",
        "median latency of good answers in ms, from the time a request was due; no value without one"
      ),
      ("p99_ms", "its 99th percentile, in ms"), ("max_ms", "its maximum, in ms"),
      (
        "recover_s",
        "seconds from the end of the fault to the last request that failed, 0 where none did; no value where the last request failed; without windows"
      ),
    ])

  /// What is known of a run as a whole.
  private static let plainSections = [
    Section(
      title: "people",
      entries: [
        ("people.accepted", "people who hold a coupon in the end"),
        ("people.soldout", "people who were told so"),
        ("people.failed", "people without an answer that settles it"),
        ("people.retried", "people who had to ask again because of trouble"),
      ]),
    Section(
      title: "ledgers",
      entries: [
        ("rows", "coupons in the database in the end"), ("oversold", "coupons beyond the quota of their day"),
        ("duplicates", "coupons beyond the first of a person"),
        ("lost", "coupons somebody was given and that have no row"),
        ("accepted.failed", "the same as lost"),
        ("wrong", "coupons: oversold, duplicates and lost together"),
        (
          "missing",
          "coupons that the day could have given and did not; no value for a run of more than one day"
        ),
        ("findings", "invariants that do not hold, or could not show"),
        ("dead_letters", "messages put aside"),
      ]),
    Section(
      title: "times",
      entries: [
        (
          "accepted_per_s",
          "answers with a coupon to the crowd, a second, from the opening to the last of them"
        ),
        ("throughput", "answers to the crowd that settle something, a second, from the opening to the last"),
        ("sell_out_s", "seconds from the opening until somebody holds the last coupon"),
        ("answered_s", "seconds from the opening until everybody has their last answer"),
        ("durable_s", "seconds from the opening until every coupon of the crowd is in the database"),
        (
          "durable_after_heal_s",
          "seconds from the end of the last fault until every coupon that was won during it is in the database"
        ),
        ("settle_s", "seconds from the end of the load and its faults until the lag is 0"),
        (
          "recover_s",
          "seconds, the larger recover_s of coupons and bystander; no value where one of them has none"
        ),
        ("bites", "how often faults were felt"),
      ]),
    Section(
      title: "costs",
      entries: [
        ("cpu_s", "CPU seconds of all servers from the warm-up until the lag is 0, without the check"),
        ("cpu_us_per_coupon", "the same in µs for each coupon in the database by then"),
        ("cpu_us_per_request", "the same in µs for each request by then"),
        ("memory_mib", "MiB, the sum of each server's peak memory until then"),
        ("lateness.share", "share of the requests that the generator sent more than 20 ms late"),
        ("lateness.p99_ms", "99th percentile of its lateness, in ms"),
        ("generator.cpu_s", "CPU seconds of the load generator"),
      ]),
  ]
}
