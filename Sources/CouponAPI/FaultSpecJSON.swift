package import Faults
import JSON
package import Operations

extension FaultSpec {
  private static let fields = [
    "kind", "latencyMs", "rate", "ttlSeconds", "seed", "stallMs", "prefix", "every",
  ]

  /// Parses the operator's JSON strictly, for one target.
  ///
  /// - Throws: the field and the rule that it breaks; `body` if it is not a JSON object.
  package init(json body: [UInt8], for target: FaultTarget) throws(InvalidFault) {
    let json: JSONFields
    do { json = try JSONFields(body, names: FaultSpec.fields.map { Array($0.utf8) }) } catch {
      switch error {
      case .repeatedField: throw InvalidFault(field: "body", rule: "must not have a field twice")
      case .notJSON, .badText: throw InvalidFault(field: "body", rule: "must be one JSON object")
      }
    }
    if let unknown = json.unknownField {
      throw InvalidFault(field: String(unknown.prefix(64)), rule: "is no field of a fault")
    }
    let reader = FaultReader(json: json, names: FaultSpec.fields)
    let latency = try reader.whole("latencyMs", "must be a whole number from 1 to 60000")
    let seed = try reader.whole("seed", "must be a whole number from 0 to 9007199254740991")
    guard let lifetime = try reader.number("ttlSeconds") else {
      throw InvalidFault(field: "ttlSeconds", rule: "is required: when it heals by itself")
    }
    if let seed, seed < 0 { throw InvalidFault(field: "seed", rule: "must not be negative") }
    let stall = try reader.whole("stallMs", "must be a whole number from 1 to 10000")
    let every = try reader.whole("every", "must be a whole number from 1 to 1000000")
    let spec = try FaultSpec(
      kind: reader.kind(of: target), latencyMs: latency.map { Int($0) }, rate: reader.number("rate"),
      ttlSeconds: lifetime, seed: seed.map { UInt64($0) }, stallMs: stall.map { Int($0) },
      prefix: reader.text("prefix"), every: every.map { Int($0) })
    self = try spec.checked(for: target)
  }

  /// `COUPON_FAULT`: a switch that is on from the start, as a bug is. Nil where it is not set. Only with the operator's
  /// listener: no program in service has it.
  package static func ofCoupons(
    _ reader: inout SettingsReader, isOperated: Bool
  ) throws(SettingsError) -> FaultSpec? {
    try reader.optional(
      "COUPON_FAULT",
      "The switch coupons as it is from the start, for experiments: the JSON of PUT /admin/faults/coupons."
    ) { text in
      if !isOperated { throw BrokenRule("needs the admin listener (ADMIN_PORT, ADMIN_TOKEN)") }
      do { return try FaultSpec(json: Array(text.utf8), for: .coupons) } catch {
        throw BrokenRule("is no fault of coupons: \(error)")
      }
    }
  }
}

/// Looks fields up by name and reports invalid ones.
private struct FaultReader {
  let json: JSONFields
  let names: [String]

  private func value(_ name: String) -> JSONFields.Value? { names.firstIndex(of: name).flatMap { json[$0] } }

  func kind(of target: FaultTarget) throws(InvalidFault) -> FaultKind {
    let kinds = target.kinds.map(\.rawValue).joined(separator: ", ")
    guard let value = value("kind") else { throw InvalidFault(field: "kind", rule: "is required: \(kinds)") }
    guard case .text(let range, let escaped) = value,
      let kind = FaultKind(rawValue: json.text(range, escaped: escaped)), target.kinds.contains(kind)
    else { throw InvalidFault(field: "kind", rule: "must be one of \(kinds)") }
    return kind
  }

  func text(_ name: String) throws(InvalidFault) -> String? {
    guard let value = value(name) else { return nil }
    guard case .text(let range, let escaped) = value else {
      throw InvalidFault(field: name, rule: "must be a text")
    }
    return json.text(range, escaped: escaped)
  }

  func whole(_ name: String, _ rule: String) throws(InvalidFault) -> Int64? {
    guard let value = value(name) else { return nil }
    guard let number = json.wholeNumber(value) else { throw InvalidFault(field: name, rule: rule) }
    return number
  }

  func number(_ name: String) throws(InvalidFault) -> Double? {
    switch value(name) {
    case nil: return nil
    case .integer(let number): return Double(number)
    case .decimal(let range):
      if let number = Double(json.text(range, escaped: false)), number.isFinite { return number }
    case .text, .other: break
    }
    throw InvalidFault(field: name, rule: "must be a number")
  }
}

extension Representation {
  /// The state of one switch of this process.
  static func fault(_ status: FaultStatus, to json: inout JSONWriter) {
    json.object { json in
      json.member("target", status.target.rawValue)
      json.member("kind", status.spec?.kind.rawValue)
      if let spec = status.spec {
        if let latency = spec.latencyMs { json.member("latencyMs", Int64(latency)) }
        if let rate = spec.rate { json.member("rate", number: rate) }
        if let seed = status.seed { json.member("seed", Int64(seed)) }
        if let stall = spec.stallMs { json.member("stallMs", Int64(stall)) }
        if let prefix = spec.prefix { json.member("prefix", prefix) }
        if let every = spec.every { json.member("every", Int64(every)) }
        json.member("ttlSeconds", number: spec.ttlSeconds)
      }
      json.member("remainingSeconds", number: (status.remainingSeconds * 1_000).rounded() / 1_000)
      json.member("bites", Int64(clamping: status.bites))
    }
  }
}

extension JSONWriter {
  fileprivate mutating func member(_ name: StaticString, number: Double) {
    key(name)
    raw(String(number).utf8)
  }
}
