package import CouponDomain
import JSON
import Text

/// Encodes and decodes the entries of the log as JSON: one writer and one reader for API, worker and
/// laboratory.
///
/// Every entry has `type`, `version` (1), `eventId` and `policyId`. Decoded values fit into every table;
/// unknown fields are ignored. The meaning of a published version never changes: see the golden log in the
/// tests.
package enum LogCodec {
  /// No entry that is written reaches half of this.
  package static let maximumLength = 4096
  static let version: Int64 = 1
  static let claimType = "CouponIssued"
  static let policyType = "PolicyCreated"

  package static func encode(_ entry: LogEntry) -> [UInt8] {
    switch entry {
    case .claim(let claim): encode(claim)
    case .policyCreated(let created): encode(created)
    }
  }

  package static func encode(_ claim: CouponClaim) -> [UInt8] {
    var bytes: [UInt8] = []
    encode(claim, to: &bytes)
    return bytes
  }

  /// The same behind what is in `bytes`, whose memory can so be used again.
  package static func encode(_ claim: CouponClaim, to bytes: inout [UInt8]) {
    bytes.append(capacity: 352) { text in
      // Type and version are part of the text; other entries take them from `claimType` and `version`.
      text.append(#"{"type":"CouponIssued","version":1,"eventId":""#)
      text.append(hex: claim.eventID)
      text.append(#"","policyId":"#)
      text.append(decimal: Int64(claim.policyID.value))
      text.append(#","userId":""#)
      text.append(ascii: claim.userID.description)
      text.append(#"","day":""#)
      text.append(claim.day)
      text.append(#"","couponId":""#)
      text.append(hex: claim.couponID)
      text.append(#"","issuedAt":""#)
      text.append(claim.issuedAt)
      text.append(#""}"#)
    }
  }

  package static func encode(_ created: PolicyCreated) -> [UInt8] {
    let policy = created.policy
    var writer = EntryWriter(policyType, version, created.eventID, policy.id)
    writer.name(#","name":""#)
    writer.escaped(policy.name)
    writer.name(#"","startsOn":""#)
    policy.startsOn.appendText(to: &writer.bytes)
    writer.name(#"","endsOn":""#)
    policy.endsOn.appendText(to: &writer.bytes)
    writer.name(#"","opensAt":""#)
    policy.opensAt.appendText(to: &writer.bytes)
    writer.name(#"","timeZone":""#)
    writer.escaped(policy.timeZone)
    writer.name(#"","dailyQuota":"#)
    writer.bytes.append(decimal: Int64(policy.dailyQuota))
    writer.name(#","perPerson":""#)
    writer.bytes.append(contentsOf: policy.perPerson.rawValue.utf8)
    writer.name(#"","keyHash":""#)
    created.keyHash.appendText(to: &writer.bytes)
    writer.name(#""}"#)
    return writer.bytes
  }

  package static func read(_ bytes: [UInt8]) -> ReadEntry {
    if let claim = ClaimReader.read(bytes) { return .success(.claim(claim)) }
    do throws(UnreadableEntry) { return .success(try decode(bytes)) } catch { return .failure(error) }
  }

  /// The general reader: any notation that JSON has for an entry.
  package static func decode(_ bytes: [UInt8]) throws(UnreadableEntry) -> LogEntry {
    guard bytes.count <= maximumLength else { throw .poison(reason: "over-long") }
    let fields = try EntryFields(bytes)
    let type = try fields.text(.type)
    let version = try fields.integer(.version, in: 1...Int64.max)
    guard version == self.version else { throw .unknown(reason: "a version that this reader does not know") }
    switch type {
    case claimType: return .claim(try claim(fields))
    case policyType: return .policyCreated(try policyCreated(fields))
    default: throw .unknown(reason: "a type that this reader does not know")
    }
  }

  private static func claim(_ fields: EntryFields) throws(UnreadableEntry) -> CouponClaim {
    CouponClaim(
      eventID: try fields.read(.eventId) { EventID(ascii: $0) },
      couponID: try fields.read(.couponId) { CouponID(ascii: $0) },
      policyID: try fields.policyID(),
      userID: try fields.read(.userId) { UserID(ascii: $0) },
      day: try fields.day(.day),
      issuedAt: try fields.read(.issuedAt) { Timestamp(ascii: $0) })
  }

  private static func policyCreated(_ fields: EntryFields) throws(UnreadableEntry) -> PolicyCreated {
    let perPerson = try fields.text(.perPerson)
    guard let perPerson = PerPerson(rawValue: perPerson) else { throw EntryFields.malformed(.perPerson) }
    let opensAt = try fields.read(.opensAt) { TimeOfDay(ascii: $0) }
    let quota = try fields.integer(.dailyQuota, in: 1...Int64(Policy.maximumQuota))
    do {
      let policy = try Policy(
        id: fields.policyID(), name: fields.text(.name), startsOn: fields.day(.startsOn),
        endsOn: fields.day(.endsOn), opensAt: opensAt, timeZone: fields.text(.timeZone),
        dailyQuota: Int(quota),
        perPerson: perPerson)
      let keyHash = try fields.read(.keyHash) { KeyHash(ascii: $0) }
      return PolicyCreated(
        eventID: try fields.read(.eventId) { EventID(ascii: $0) }, policy: policy, keyHash: keyHash)
    } catch let error as InvalidPolicy {
      throw .poison(reason: "malformed \(error.field)")
    } catch let error as UnreadableEntry {
      throw error
    } catch {
      throw .poison(reason: "malformed policy")
    }
  }
}

/// Writes an entry: the common fields, then what the caller appends.
private struct EntryWriter {
  var bytes: [UInt8] = []

  init(_ type: String, _ version: Int64, _ eventID: EventID, _ policyID: PolicyID) {
    bytes.reserveCapacity(320)
    name(#"{"type":""#)
    bytes.append(contentsOf: type.utf8)
    name(#"","version":"#)
    bytes.append(decimal: version)
    name(#","eventId":""#)
    eventID.appendText(to: &bytes)
    name(#"","policyId":"#)
    bytes.append(decimal: Int64(policyID.value))
  }

  /// Appends the text between two values.
  mutating func name(_ text: StaticString) { bytes.append(text: text) }

  /// Appends a text without control characters.
  mutating func escaped(_ text: String) {
    for byte in text.utf8 {
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { bytes.append(UInt8(ascii: "\\")) }
      bytes.append(byte)
    }
  }
}

/// The fields of a decoded entry, each by its name.
private struct EntryFields {
  enum Name: Int, CaseIterable {
    case type, version, eventId, policyId, userId, day, couponId, issuedAt
    case name, startsOn, endsOn, opensAt, timeZone, dailyQuota, perPerson, keyHash
  }

  private static let names = Name.allCases.map { Array("\($0)".utf8) }

  private let bytes: [UInt8]
  private let json: JSONFields

  init(_ bytes: [UInt8]) throws(UnreadableEntry) {
    self.bytes = bytes
    do {
      json = try JSONFields(bytes, names: EntryFields.names)
    } catch {
      switch error {
      case .notJSON: throw .poison(reason: "not a JSON object")
      case .badText: throw .poison(reason: "text that no table holds")
      case .repeatedField: throw .poison(reason: "a field twice")
      }
    }
  }

  static func malformed(_ name: Name) -> UnreadableEntry { .poison(reason: "malformed \(name)") }

  private func value(_ name: Name) throws(UnreadableEntry) -> JSONFields.Value {
    guard let value = json[name.rawValue] else { throw .poison(reason: "no \(name)") }
    return value
  }

  func integer(_ name: Name, in range: ClosedRange<Int64>) throws(UnreadableEntry) -> Int64 {
    guard case .integer(let number) = try value(name), range.contains(number) else {
      throw EntryFields.malformed(name)
    }
    return number
  }

  func text(_ name: Name) throws(UnreadableEntry) -> String {
    guard case .text(let range, let escaped) = try value(name) else { throw EntryFields.malformed(name) }
    return json.text(range, escaped: escaped)
  }

  /// Reads a text with its own format; nil from `parse` means malformed.
  func read<T>(_ name: Name, _ parse: (Span<UInt8>) -> T?) throws(UnreadableEntry) -> T {
    guard case .text(let range, let escaped) = try value(name) else { throw EntryFields.malformed(name) }
    let parsed =
      if escaped {
        parse(Array(json.text(range, escaped: true).utf8).span)
      } else {
        parse(bytes.span.extracting(range))
      }
    guard let parsed else { throw EntryFields.malformed(name) }
    return parsed
  }

  func policyID() throws(UnreadableEntry) -> PolicyID {
    guard let id = PolicyID(try integer(.policyId, in: 1...Int64(Int32.max))) else {
      throw EntryFields.malformed(.policyId)
    }
    return id
  }

  func day(_ name: Name) throws(UnreadableEntry) -> Day {
    let day = try read(name) { Day(ascii: $0) }
    guard Timestamp.years.contains(day.civil.year) else { throw EntryFields.malformed(name) }
    return day
  }
}
