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

  package var description: String { window == .whole ? name : "\(name)@\(window.rawValue)" }

  package static func isKnown(_ name: String) -> Bool { plain[name] != nil || hasWindows(name) }

  /// `GROUP.MEASURE`
  package static func hasWindows(_ name: String) -> Bool {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 2 && groups[String(parts[0])] != nil && measures[String(parts[1])] != nil
  }

  /// Kinds of requests.
  package static let groups: [String: String] = [
    "coupons": "requests for a coupon by the crowd, retries included",
    "bystander": "stays and bookings together",
    "stays": "reading stays", "booking": "booking a stay",
    "mine": "a holder asks for their coupon",
    "soldout": "somebody asks for a coupon of a policy that is sold out",
  ]

  /// What is known of a group, in each window.
  package static let measures: [String: String] = [
    "good": "share that was answered as it should be", "failed": "share that was not",
    "unknown": "share without an answer that says whether something was done",
    "accepted": "share answered with what was asked for", "refused": "share refused by a rule",
    "count": "requests", "failed_count": "requests that were not answered as they should be",
    "accepted_count": "requests answered with what was asked for",
    "p50_ms": "median latency from the time a request was due, however it ended",
    "p99_ms": "its 99th percentile",
    "max_ms": "its maximum", "recover_s": "seconds from the end of the fault to the last request that failed",
  ]

  /// What is known of a run as a whole.
  package static let plain: [String: String] = [
    "people.accepted": "people who hold a coupon in the end", "people.soldout": "people who were told so",
    "people.failed": "people without an answer that settles it",
    "people.retried": "people who had to ask again because of trouble",
    "rows": "coupons in the database", "oversold": "coupons beyond the quota of their day",
    "duplicates": "coupons beyond the first of a person",
    "lost": "coupons somebody was given and that have no row",
    "accepted.failed": "the same as lost",
    "wrong": "oversold, duplicates and lost together",
    "missing": "coupons that the day could have given and did not",
    "findings": "invariants that do not hold, or could not show",
    "dead_letters": "messages put aside",
    "throughput": "answers a second that settle something, from the opening on",
    "accepted_per_s": "coupons a second, from the opening to the last one",
    "sell_out_s": "from the opening to the last coupon in somebody's hands",
    "durable_s": "from the opening until every coupon is in the database",
    "durable_after_heal_s": "from the end of the last fault until every coupon is in the database",
    "answered_s": "from the opening until everybody has their last answer",
    "settle_s": "from the end of the load until the lag is 0",
    "recover_s": "the largest recover_s of coupons and bystander",
    "bites": "how often faults were felt", "cpu_s": "CPU of all servers",
    "cpu_us_per_coupon": "CPU of all servers a coupon",
    "cpu_us_per_request": "CPU of all servers a request",
    "memory_mib": "the sum of each server's peak memory",
    "lateness.share": "share of the requests that the generator sent more than 20 ms late",
    "lateness.p99_ms": "99th percentile of that lateness", "generator.cpu_s": "CPU of the load generator",
  ]

  /// Every name with what it means, for the help and the documents.
  package static var catalogue: [(name: String, meaning: String)] {
    groups.sorted { $0.key < $1.key }.map { ("\($0.key).MEASURE", $0.value) }
      + measures.sorted { $0.key < $1.key }.map { ("GROUP.\($0.key)", $0.value) }
      + plain.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }
}
