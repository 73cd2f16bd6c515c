package import Text

/// How often one person may hold a coupon of a policy.
package enum PerPerson: String, Sendable, CaseIterable {
  /// Once in the whole event period.
  case once
  /// Once a day.
  case daily
}

/// A coupon policy. It never changes once it has been created.
package struct Policy: Hashable, Sendable {
  package let id: PolicyID
  package let name: String
  package let startsOn: Day
  /// The last day of the event, inclusive.
  package let endsOn: Day
  package let opensAt: TimeOfDay
  /// An IANA name such as `Asia/Seoul`; `PolicyCalendar` knows which of them exist.
  package let timeZone: String
  package let dailyQuota: Int
  package let perPerson: PerPerson

  /// Bounds that every table, message and answer can represent.
  package static let maximumQuota = 10_000_000
  /// In Unicode code points.
  package static let maximumNameLength = 200
  package static let maximumEventDays = 3_660
  /// The years allowed for the days of a new policy: every moment of such a day, and the next opening after
  /// it, lies in `Timestamp.years` in every zone. Readers of the log accept all of `Timestamp.years`.
  package static let years = 1970...9998

  /// ASCII is decided without Unicode's tables: a policy is read with every request.
  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.isASCII
      ? scalar.value < 0x20 || scalar.value == 0x7f : scalar.properties.generalCategory == .control
  }

  /// - Throws: `InvalidPolicy`, naming the first field that breaks a rule.
  package init(
    id: PolicyID, name: String, startsOn: Day, endsOn: Day, opensAt: TimeOfDay, timeZone: String,
    dailyQuota: Int, perPerson: PerPerson
  ) throws(InvalidPolicy) {
    guard !name.isEmpty, name.unicodeScalars.count <= Policy.maximumNameLength else {
      throw InvalidPolicy(field: "name", rule: "must be 1 to \(Policy.maximumNameLength) characters long")
    }
    guard name.unicodeScalars.allSatisfy({ !Policy.isControl($0) }) else {
      throw InvalidPolicy(field: "name", rule: "must not contain control characters")
    }
    let years = "must be in the years \(Timestamp.years.lowerBound) to \(Timestamp.years.upperBound)"
    guard Timestamp.years.contains(startsOn.civil.year) else {
      throw InvalidPolicy(field: "startsOn", rule: years)
    }
    guard Timestamp.years.contains(endsOn.civil.year) else {
      throw InvalidPolicy(field: "endsOn", rule: years)
    }
    guard endsOn >= startsOn else {
      throw InvalidPolicy(field: "endsOn", rule: "must not be before startsOn")
    }
    guard Int(endsOn.number) - Int(startsOn.number) < Policy.maximumEventDays else {
      throw InvalidPolicy(
        field: "endsOn", rule: "must make the event at most \(Policy.maximumEventDays) days long")
    }
    guard !timeZone.isEmpty, timeZone.utf8.count <= 64, timeZone.utf8.allSatisfy({ (33...126).contains($0) })
    else { throw InvalidPolicy(field: "timeZone", rule: "must be the name of a time zone, as in Asia/Seoul") }
    guard (1...Policy.maximumQuota).contains(dailyQuota) else {
      throw InvalidPolicy(field: "dailyQuota", rule: "must be 1 to \(Policy.maximumQuota)")
    }
    (self.id, self.name, self.startsOn, self.endsOn) = (id, name, startsOn, endsOn)
    (self.opensAt, self.timeZone, self.dailyQuota, self.perPerson) = (
      opensAt, timeZone, dailyQuota, perPerson
    )
  }

  /// The same policy under another id.
  package func renumbered(_ id: PolicyID) -> Policy { Policy(self, id: id) }

  private init(_ other: Policy, id: PolicyID) {
    (self.id, name, startsOn, endsOn) = (id, other.name, other.startsOn, other.endsOn)
    (opensAt, timeZone, dailyQuota, perPerson) =
      (other.opensAt, other.timeZone, other.dailyQuota, other.perPerson)
  }

  package func isEventDay(_ day: Day) -> Bool { day >= startsOn && day <= endsOn }

  /// The period in which a person may hold one coupon: the day for `daily`, the whole event (identified by
  /// its first day) for `once`.
  package func period(of day: Day) -> Day {
    switch perPerson {
    case .once: startsOn
    case .daily: day
    }
  }

  /// Whether the policy is open at a moment that lies in `window`.
  package func hours(at time: Timestamp, in window: DayWindow) -> Hours {
    guard isEventDay(window.day) else { return .closed(next: window.followingOpensAt) }
    guard window.opens else { return .closed(next: window.followingOpensAt) }
    return time < window.opensAt ? .closed(next: window.opensAt) : .open
  }
}

/// Whether a policy issues coupons at a moment.
package enum Hours: Hashable, Sendable {
  case open
  /// `next` is the next opening; nil after the event.
  case closed(next: Timestamp?)
}

/// A policy that breaks a rule: the field and the rule.
package struct InvalidPolicy: Error, Hashable, Sendable {
  package let field: String
  package let rule: String
  package init(field: String, rule: String) { (self.field, self.rule) = (field, rule) }
}
