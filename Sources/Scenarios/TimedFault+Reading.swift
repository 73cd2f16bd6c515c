import Faults
import Terminal

extension TimedFault {
  /// The list of faults under a key; nil where there is none.
  static func read(_ key: String, of fields: inout Fields) throws(UsageError) -> [TimedFault]? {
    guard let maps = try fields.maps(key) else { return nil }
    var faults: [TimedFault] = []
    for var map in maps { faults.append(try read(&map)) }
    try refuseOverlaps(faults, key, fields)
    for timed in faults {
      guard case .kill(let part) = timed.fault else { continue }
      let isEnded = faults.contains { $0.at > timed.at && $0.fault == .restart(part) }
      guard isEnded else {
        throw fields.problem(key, "\(timed.name) is never followed by a restart of \(part.rawValue)")
      }
    }
    return faults
  }

  /// A target has one switch: the second fault would take the first one's place, and be switched off at its end.
  private static func refuseOverlaps(
    _ faults: [TimedFault], _ key: String, _ fields: Fields
  ) throws(UsageError) {
    for (index, timed) in faults.enumerated() {
      guard case .switched(let target, let spec) = timed.fault else { continue }
      let end = timed.at + spec.ttlSeconds
      for (other, next) in faults.enumerated() where other != index {
        guard case .switched(target, _) = next.fault, next.at >= timed.at,
          next.at > timed.at || other > index, next.at < end + leastDistance
        else { continue }
        throw fields.problem(
          "\(key)[\(other)].at",
          "the switch of \(target.rawValue) in line \(timed.place?.line ?? 0) is on until "
            + "\(Numbers.decimal(end, digits: 1)) s; the next one can come a tenth of a second later",
          line: next.place?.line)
      }
    }
  }

  /// Seconds in which the end of a switch is noted before the same one is put on again.
  private static let leastDistance = 0.1

  private static func read(_ fields: inout Fields) throws(UsageError) -> TimedFault {
    let place = fields.place()
    let at = try fields.decimal("at", in: 0...3_000).or(fields.missing("at", "seconds after the opening"))
    let name = try fields.text("name")
    let key = try fields.nextKey.or(place.problem("says no fault"))
    let fault: LabFault
    var person: Int?
    switch key {
    case "switch", "stop", "kill", "restart":
      var inner = try fields.map(key).or(fields.missing(key))
      fault = try key == "switch" ? readSwitch(&inner, &person) : readSignal(key, &inner)
      try inner.finish()
    case "flush":
      guard try fields.text(key) == "true" else { throw fields.problem(key, "must be true") }
      fault = .flush
    case "poison": fault = .poison(count: try fields.integer(key, in: 1...1_000) ?? 1)
    case "duplicates": fault = .duplicates(share: try fields.decimal(key, in: 0.001...1) ?? 1)
    default: throw fields.problem(key, "unknown fault")
    }
    try fields.finish()
    return TimedFault(name: name ?? fault.name, at: at, fault: fault, person: person, place: place)
  }

  private static func readSwitch(
    _ fields: inout Fields, _ person: inout Int?
  ) throws(UsageError) -> LabFault {
    let target: FaultTarget = try fields.choice("target").or(fields.missing("target"))
    let kind: FaultKind = try fields.choice("kind").or(fields.missing("kind"))
    let latency = try fields.integer("latencyMs", in: FaultSpec.latencyRange)
    let rate = try fields.decimal("rate", in: 0.000_001...1)
    let ttl = try fields.decimal("ttlSeconds", in: 0.1...FaultSpec.longestSeconds)
      .or(fields.missing("ttlSeconds", "a switch ends by itself after so many seconds"))
    let stall = try fields.integer("stallMs", in: FaultSpec.stallRange)
    let every = try fields.integer("every", in: FaultSpec.everyRange)
    person = try fields.integer("person", in: 0...5_000_000)
    // The names of a crowd begin with its seed, which is not known yet.
    let written = try fields.text("prefix")
    let prefix = person.map { String($0) } ?? written
    do throws(InvalidFault) {
      return .switched(
        target,
        try FaultSpec(
          kind: kind, latencyMs: latency, rate: rate, ttlSeconds: ttl, stallMs: stall, prefix: prefix,
          every: every
        ).checked(for: target))
    } catch { throw fields.problem(error.field, error.rule) }
  }

  private static func readSignal(_ key: String, _ fields: inout Fields) throws(UsageError) -> LabFault {
    let part: FaultedPart = try fields.choice("part").or(fields.missing("part"))
    guard key == "stop" else { return key == "kill" ? .kill(part) : .restart(part) }
    let seconds = try fields.decimal("for", in: 0.1...600)
      .or(fields.missing("for", "seconds until it continues"))
    return .stop(part, for: .milliseconds(Int64(seconds * 1_000)))
  }
}
