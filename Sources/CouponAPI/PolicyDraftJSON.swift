import CouponCalendar
package import CouponDomain
import JSON
import Text

extension PolicyDraft {
  private static let fields = [
    "policyId", "name", "startsOn", "endsOn", "opensAt", "timeZone", "dailyQuota", "perPerson",
  ]

  /// Parses the operator's JSON strictly: every field but `policyId` is required, no other is allowed.
  ///
  /// - Throws: the field and the rule that it breaks; `body` if it is not a JSON object.
  package init(json body: [UInt8]) throws(InvalidPolicy) {
    let json: JSONFields
    do { json = try JSONFields(body, names: PolicyDraft.fields.map { Array($0.utf8) }) } catch {
      throw InvalidPolicy(field: "body", rule: PolicyDraft.rule(error))
    }
    if let unknown = json.unknownField {
      throw InvalidPolicy(field: String(unknown.prefix(64)), rule: "is no field of a policy")
    }
    let reader = DraftReader(json: json, names: PolicyDraft.fields)
    let id = try reader.policyID()
    let timeZone = try reader.text("timeZone")
    guard PolicyCalendar.knows(timeZone: timeZone) else {
      throw InvalidPolicy(
        field: "timeZone", rule: "must be a time zone of the IANA database, as in Asia/Seoul")
    }
    guard let first = PolicyID(1) else { throw InvalidPolicy(field: "policyId", rule: "must be a number") }
    let template = try Policy(
      id: id ?? first, name: reader.text("name"),
      startsOn: reader.day("startsOn"), endsOn: reader.day("endsOn"),
      opensAt: reader.parsed("opensAt", "must be a time, as in 10:00:00") { TimeOfDay($0) },
      timeZone: timeZone, dailyQuota: reader.quota(),
      perPerson: reader.parsed("perPerson", "must be once or daily") { PerPerson(rawValue: $0) })
    self.init(id: id, template: template)
  }

  private static func rule(_ failure: JSONFields.Failure) -> String {
    switch failure {
    case .notJSON: "must be one JSON object"
    case .badText: "must be valid Unicode without control characters"
    case .repeatedField: "must not have a field twice"
    }
  }
}

/// Looks fields up by name and reports invalid ones.
private struct DraftReader {
  let json: JSONFields
  let names: [String]

  private func value(_ name: String) -> JSONFields.Value? {
    names.firstIndex(of: name).flatMap { json[$0] }
  }

  func text(_ name: String) throws(InvalidPolicy) -> String {
    guard let value = value(name) else { throw InvalidPolicy(field: name, rule: "is required") }
    guard case .text(let range, let escaped) = value else {
      throw InvalidPolicy(field: name, rule: "must be a text")
    }
    return json.text(range, escaped: escaped)
  }

  func parsed<T>(_ name: String, _ rule: String, _ parse: (String) -> T?) throws(InvalidPolicy) -> T {
    guard let parsed = parse(try text(name)) else { throw InvalidPolicy(field: name, rule: rule) }
    return parsed
  }

  func day(_ name: String) throws(InvalidPolicy) -> Day {
    let day = try parsed(name, "must be a date, as in 2026-11-22") { Day($0) }
    guard Policy.years.contains(day.civil.year) else {
      let years = "\(Policy.years.lowerBound) to \(Policy.years.upperBound)"
      throw InvalidPolicy(field: name, rule: "must be in the years \(years)")
    }
    return day
  }

  /// Nil if the service is to choose one.
  func policyID() throws(InvalidPolicy) -> PolicyID? {
    guard let value = value("policyId") else { return nil }
    guard let number = json.wholeNumber(value), let id = PolicyID(number) else {
      throw InvalidPolicy(field: "policyId", rule: "must be a number from 1 to 2147483647")
    }
    return id
  }

  func quota() throws(InvalidPolicy) -> Int {
    guard let value = value("dailyQuota") else {
      throw InvalidPolicy(field: "dailyQuota", rule: "is required")
    }
    guard let number = json.wholeNumber(value) else {
      throw InvalidPolicy(field: "dailyQuota", rule: "must be a whole number")
    }
    return Int(number)
  }
}
