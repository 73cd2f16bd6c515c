/// What faults can be switched on for: a server as the program sees it, or the program's own code.
package enum FaultTarget: String, CaseIterable, Codable, Sendable {
  case database, redis, kafka
  /// The code between deciding and recording a coupon: a bug in it.
  case coupons

  package static let servers: [FaultTarget] = [.database, .redis, .kafka]

  /// What can be wrong with it.
  package var kinds: [FaultKind] {
    self == .coupons ? [.crash, .stall, .error] : [.outage, .hang, .latency, .flaky]
  }
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
  /// Code: the process ends as by SIGKILL.
  case crash
  /// Code: it blocks its thread, and whoever else needs that thread waits.
  case stall
  /// Code: it throws.
  case error
}

/// A fault as requested: within bounds, and always with an end.
package struct FaultSpec: Hashable, Sendable {
  package static let latencyRange = 1...60_000
  /// Shorter than a latency: nothing else of the program runs meanwhile, the operator's calls included.
  package static let stallRange = 1...10_000
  package static let everyRange = 1...1_000_000
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
  /// Only with `stall`.
  package let stallMs: Int?
  /// Only for code: coupons of people whose id begins with it. At most one of this and `every`.
  package let prefix: String?
  /// Only for code: every so many-th coupon, counted from the moment at which it is switched on in a process.
  package let every: Int?

  /// - Throws: `InvalidFault`, which names the field and its rule.
  package init(
    kind: FaultKind, latencyMs: Int? = nil, rate: Double? = nil, ttlSeconds: Double, seed: UInt64? = nil,
    stallMs: Int? = nil, prefix: String? = nil, every: Int? = nil
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
    try FaultSpec.check(
      "stallMs", of: .stall, kind, stallMs.map(FaultSpec.stallRange.contains),
      "must be a whole number from 1 to 10000")
    try FaultSpec.checkChoice(kind, prefix, every)
    (self.kind, self.latencyMs, self.rate) = (kind, latencyMs, rate)
    (self.ttlSeconds, self.seed) = (ttlSeconds, seed)
    (self.stallMs, self.prefix, self.every) = (stallMs, prefix, every)
  }

  /// - Throws: `InvalidFault` where the target knows no such fault.
  package func checked(for target: FaultTarget) throws(InvalidFault) -> FaultSpec {
    guard target.kinds.contains(kind) else {
      let kinds = target.kinds.map(\.rawValue).joined(separator: ", ")
      throw InvalidFault(field: "kind", rule: "must be one of \(kinds) for \(target.rawValue)")
    }
    return self
  }

  /// Which coupons: without a choice all of them. A crash needs one, so that nobody ends a program by a word left out.
  private static func checkChoice(
    _ kind: FaultKind, _ prefix: String?, _ every: Int?
  ) throws(InvalidFault) {
    let isOfCode = FaultTarget.coupons.kinds.contains(kind)
    if !isOfCode, prefix != nil || every != nil {
      throw InvalidFault(
        field: prefix != nil ? "prefix" : "every", rule: "goes with crash, stall and error alone")
    }
    if let prefix {
      guard (1...64).contains(prefix.utf8.count), prefix.utf8.allSatisfy(isOfAnID) else {
        throw InvalidFault(field: "prefix", rule: "must be 1 to 64 of A-Z, a-z, 0-9, point, _ and -")
      }
      if every != nil { throw InvalidFault(field: "every", rule: "cannot stand beside prefix") }
    }
    if let every, !everyRange.contains(every) {
      throw InvalidFault(field: "every", rule: "must be a whole number from 1 to 1000000")
    }
    if kind == .crash, prefix == nil, every == nil {
      throw InvalidFault(
        field: "prefix", rule: "or every is required with crash: whose coupon, or every N-th")
    }
  }

  private static func isOfAnID(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
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
    case .crash, .error: choice
    case .stall: "\(stallMs ?? 0) ms, \(choice)"
    }
  }

  /// Whose coupons, in words.
  package var choice: String {
    if let prefix { return "people \(prefix)…" }
    return every.map { $0 == 1 ? "every coupon" : "one coupon in \($0)" } ?? "every coupon"
  }

  /// The JSON of the operator's call.
  package var json: String {
    var members = ["\"kind\":\"\(kind.rawValue)\""]
    if let latencyMs { members.append("\"latencyMs\":\(latencyMs)") }
    if let rate { members.append("\"rate\":\(rate)") }
    if let seed { members.append("\"seed\":\(seed)") }
    if let stallMs { members.append("\"stallMs\":\(stallMs)") }
    if let prefix { members.append("\"prefix\":\"\(prefix)\"") }
    if let every { members.append("\"every\":\(every)") }
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
