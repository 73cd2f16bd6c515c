package import Text
package import CouponDomain

/// What tests build policies and people from. Each throws where a text or number breaks the domain's rule.
package enum Make {
  package static func day(_ text: String) throws -> Day { try some(Day(text), text) }
  package static func time(_ text: String) throws -> Timestamp { try some(Timestamp(text), text) }
  package static func user(_ text: String) throws -> UserID { try some(UserID(text), text) }
  package static func id(_ number: Int) throws -> PolicyID { try some(PolicyID(number), number) }

  package static func policy(
    _ id: Int = 1, name: String = "summer", startsOn: String = "2026-07-01", endsOn: String = "2026-07-07",
    opensAt: String = "10:00:00", timeZone: String = "Asia/Seoul", quota: Int = 2,
    perPerson: PerPerson = .once
  ) throws -> Policy {
    try Policy(
      id: self.id(id), name: name, startsOn: day(startsOn), endsOn: day(endsOn),
      opensAt: some(TimeOfDay(opensAt), opensAt), timeZone: timeZone, dailyQuota: quota, perPerson: perPerson)
  }

  static func some<Value>(_ value: Value?, _ source: some Any) throws -> Value {
    guard let value else { throw TestFailure("\(Value.self) has no such value: \(source)") }
    return value
  }
}
