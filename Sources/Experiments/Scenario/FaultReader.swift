package import Laboratory
package import Terminal

extension TimedFault {
  /// The list of faults under a key; nil where there is none.
  static func read(_ key: String, of fields: inout Fields) throws(UsageError) -> [TimedFault]? {
    guard let maps = try fields.maps(key) else { return nil }
    var faults: [TimedFault] = []
    for var map in maps { faults.append(try read(&map)) }
    try refuseOverlaps(faults, key, fields)
    for fault in faults {
      guard case .kill(let part) = fault.action else { continue }
      let isEnded = faults.contains { $0.at > fault.at && $0.action == .restart(part: part) }
      guard isEnded else {
        throw fields.problem(key, "\(fault.name) is never followed by a restart of \(part)")
      }
    }
    return faults
  }

  /// A target has one switch: the second fault would take the first one's place, and be switched off at its end.
  private static func refuseOverlaps(
    _ faults: [TimedFault], _ key: String, _ fields: Fields
  ) throws(UsageError) {
    for (index, fault) in faults.enumerated() {
      guard case .switched(let target, _, _, _, let ttl) = fault.action else { continue }
      for (other, next) in faults.enumerated() where other != index {
        guard case .switched(target, _, _, _, _) = next.action, next.at >= fault.at,
          next.at > fault.at || other > index, next.at < fault.at + ttl + leastDistance
        else { continue }
        throw fields.problem(
          "\(key)[\(other)].at",
          "the switch of \(target) in line \(fault.place?.line ?? 0) is on until "
            + "\(Numbers.decimal(fault.at + ttl, digits: 1)) s; the next one can come a tenth of a second later",
          line: next.place?.line)
      }
    }
  }

  /// Seconds in which the end of a switch is noted before the same one is put on again.
  private static let leastDistance = 0.1

  private static func read(_ fields: inout Fields) throws(UsageError) -> TimedFault {
    let place = fields.location()
    guard let at = try fields.decimal("at", in: 0...3_000) else {
      throw fields.problem("at", "is missing: seconds after the opening")
    }
    let name = try fields.text("name")
    guard let key = fields.nextKey else { throw fields.problem("", "says no fault") }
    let action: Action
    switch key {
    case "switch": action = try readSwitch(&fields)
    case "stop":
      var stop = try inner(key, &fields)
      let part = try part(&stop)
      guard let seconds = try stop.decimal("for", in: 0.1...600) else {
        throw stop.problem("for", "is missing: seconds until it goes on")
      }
      try stop.finish()
      action = .stop(part: part, seconds: seconds)
    case "kill", "restart":
      var inner = try inner(key, &fields)
      let part = try part(&inner)
      try inner.finish()
      action = key == "kill" ? .kill(part: part) : .restart(part: part)
    case "flush":
      guard try fields.flag(key) == true else { throw fields.problem(key, "must be true") }
      action = .flush
    case "poison": action = .poison(count: try fields.integer(key, in: 1...1_000) ?? 1)
    case "duplicates": action = .duplicates(share: try fields.decimal(key, in: 0.001...1) ?? 1)
    default: throw fields.problem(key, "there is no such fault")
    }
    try fields.finish()
    return TimedFault(name: name ?? action.name, at: at, action: action, place: place)
  }

  private static func readSwitch(_ fields: inout Fields) throws(UsageError) -> Action {
    var inner = try inner("switch", &fields)
    guard let target = try inner.choice("target", of: switchTargets) else {
      throw inner.problem("target", "is missing")
    }
    guard let kind = try inner.choice("kind", of: kinds) else { throw inner.problem("kind", "is missing") }
    let latency = try inner.integer("latencyMs", in: 1...60_000)
    let rate = try inner.decimal("rate", in: 0.000_001...1)
    guard let ttl = try inner.decimal("ttlSeconds", in: 0.1...3_600) else {
      throw inner.problem("ttlSeconds", "is missing: a switch heals by itself")
    }
    guard (kind == "latency") == (latency != nil) else {
      throw inner.problem("latencyMs", "goes with latency, and latency with it")
    }
    guard (kind == "flaky") == (rate != nil) else {
      throw inner.problem("rate", "goes with flaky, and flaky with it")
    }
    try inner.finish()
    return .switched(target: target, kind: kind, latencyMs: latency, rate: rate, ttlSeconds: ttl)
  }

  private static func inner(_ key: String, _ fields: inout Fields) throws(UsageError) -> Fields {
    guard let inner = try fields.map(key) else { throw fields.problem(key, "is missing") }
    return inner
  }

  private static func part(_ fields: inout Fields) throws(UsageError) -> String {
    guard let part = try fields.choice("part", of: parts) else { throw fields.problem("part", "is missing") }
    return part
  }
}

extension TimedFault {
  /// Whether what is stopped or killed belongs to this laboratory, and outlives it.
  ///
  /// - Throws: `UsageError` where it could not be done once the run has come to it.
  package func check(_ options: UpOptions) throws(UsageError) {
    let part: String
    switch action {
    case .stop(let stopped, _): part = stopped
    case .kill(let killed): part = killed
    case .restart(let restarted): part = restarted
    case .switched, .flush, .poison, .duplicates: return
    }
    let variable = ["database": "DATABASE_URL", "redis": "REDIS_URL", "kafka": "KAFKA_BROKERS"][part]
    if let variable, options.named(variable) != nil {
      throw problem("\(part) is named by \(variable); only servers that lab starts are broken")
    }
    if case .stop = action { return }
    guard part == "kafka", !options.installedKafka else { return }
    throw problem(
      "the embedded broker holds the log in memory and can only be stopped; kafka: installed has one that can be killed"
    )
  }

  private func problem(_ text: String) -> UsageError {
    place?.problem(text) ?? UsageError("\(name): \(text)")
  }
}

extension TimedFault.Action {
  /// `database outage`, `worker killed`.
  package var name: String {
    switch self {
    case .switched(let target, let kind, let latency, let rate, _):
      "\(target) \(kind)\(latency.map { " of \($0) ms" } ?? "")\(rate.map { " (\($0))" } ?? "")"
    case .stop(let part, _): "\(part) stopped"
    case .kill(let part): "\(part) killed"
    case .restart(let part): "\(part) restarted"
    case .flush: "Redis flushed"
    case .poison(let count): "\(count) poisonous messages"
    case .duplicates(let share): "\(Numbers.percent(share)) of the events twice"
    }
  }
}
