/// A server that faults can be switched on for.
package enum FaultTarget: String, CaseIterable, Codable, Sendable {
  case database, redis, kafka
}

package enum FaultKind: String, CaseIterable, Codable, Sendable {
  /// Uses are refused at once, existing connections are cut.
  case outage
  /// No answer until the deadline.
  case hang
  /// Every use begins a stated time later.
  case latency
  /// A stated share of the uses fails.
  case flaky
}

/// A fault as requested: within bounds, and always with an end.
package struct FaultSpec: Hashable, Sendable {
  package static let latencyRange = 1...60_000
  package static let longestSeconds = 3_600.0
  /// The largest integer that every JSON reader holds exactly.
  package static let greatestSeed: UInt64 = (1 << 53) - 1

  package let kind: FaultKind
  /// Only with `latency`.
  package let latencyMs: Int?
  /// Only with `flaky`: more than 0, at most 1.
  package let rate: Double?
  /// Seconds until it heals by itself: more than 0, at most 3,600.
  package let ttlSeconds: Double
  /// Only with `flaky`: the seed of its draws; nil: chosen when it is switched on, and shown.
  package let seed: UInt64?

  /// - Throws: `InvalidFault`, which names the field and its rule.
  package init(
    kind: FaultKind, latencyMs: Int? = nil, rate: Double? = nil, ttlSeconds: Double, seed: UInt64? = nil
  ) throws(InvalidFault) {
    guard ttlSeconds > 0, ttlSeconds <= FaultSpec.longestSeconds else {
      throw InvalidFault(field: "ttlSeconds", rule: "must be more than 0 and at most 3600")
    }
    try FaultSpec.check(
      "latencyMs", of: .latency, kind, latencyMs.map(FaultSpec.latencyRange.contains),
      "must be a whole number from 1 to 60000")
    try FaultSpec.check(
      "rate", of: .flaky, kind, rate.map { $0 > 0 && $0 <= 1 },
      "must be more than 0 and at most 1")
    if let seed {
      try FaultSpec.check(
        "seed", of: .flaky, kind, seed <= FaultSpec.greatestSeed,
        "must be a whole number from 0 to 9007199254740991")
    }
    (self.kind, self.latencyMs, self.rate) = (kind, latencyMs, rate)
    (self.ttlSeconds, self.seed) = (ttlSeconds, seed)
  }

  /// Checks a field that belongs to one kind of fault: required there, rejected elsewhere. `isGood` is nil if it is absent.
  private static func check(
    _ field: String, of owner: FaultKind, _ kind: FaultKind, _ isGood: Bool?, _ rule: String
  ) throws(InvalidFault) {
    switch (isGood, kind == owner) {
    case (nil, false), (true, true): return
    case (nil, true): throw InvalidFault(field: field, rule: "is required with \(owner.rawValue)")
    case (_, false): throw InvalidFault(field: field, rule: "goes with \(owner.rawValue) alone")
    case (false, true): throw InvalidFault(field: field, rule: rule)
    }
  }

  package var timeToLive: Duration { .milliseconds(max(1, Int64(ttlSeconds * 1_000))) }

  /// The parameters of the kind, for a log line.
  func detail(seed: UInt64) -> String {
    switch kind {
    case .outage, .hang: "none"
    case .latency: "\(latencyMs ?? 0) ms"
    case .flaky: "rate \(rate ?? 0) seed \(seed)"
    }
  }

  /// The JSON of the operator's call.
  package var json: String {
    var members = ["\"kind\":\"\(kind.rawValue)\""]
    if let latencyMs { members.append("\"latencyMs\":\(latencyMs)") }
    if let rate { members.append("\"rate\":\(rate)") }
    if let seed { members.append("\"seed\":\(seed)") }
    members.append("\"ttlSeconds\":\(ttlSeconds)")
    return "{\(members.joined(separator: ","))}"
  }
}

/// Why a fault cannot be switched on: the field and the rule that it breaks.
package struct InvalidFault: Error, Hashable, Sendable, CustomStringConvertible {
  package let field: String
  package let rule: String

  package init(field: String, rule: String) { (self.field, self.rule) = (field, rule) }

  package var description: String { "\(field) \(rule)" }
}
