package import CouponDomain
import Foundation
package import Text

/// A time zone that is unknown on this machine.
package struct UnknownTimeZone: Error, Hashable, Sendable {
  package let name: String
}

/// Finds the business day of a policy that contains a moment; no other code knows time zones.
///
/// A day begins at the first moment whose wall clock shows midnight *or later*, and opens at the first moment
/// whose wall clock shows the opening time or later. This covers every change of the clocks:
/// - a day lasts 23, 24 or 25 hours, and days follow each other without a gap, even if the clocks change at
///   midnight;
/// - if an opening time occurs twice, the first occurrence counts;
/// - if the clocks skip the opening time, the day opens when they jump; if they jump to midnight, it does not
///   open;
/// - a day that a country skipped has no duration and is never the next opening.
///
/// Windows are cached, one per policy: on the hot path this is a look-up and two comparisons.
package struct PolicyCalendar: Sendable {
  private var windows: [PolicyID: (policy: Policy, window: DayWindow)] = [:]
  private var zones: [String: TimeZone] = [:]

  package init() {}

  /// Whether a policy may name this zone.
  package static func knows(timeZone name: String) -> Bool { zone(name) != nil }

  /// The window of the policy's day that contains `time`.
  package mutating func window(of policy: Policy, at time: Timestamp) throws(UnknownTimeZone) -> DayWindow {
    if let kept = windows[policy.id], kept.window.contains(time), kept.policy == policy { return kept.window }
    let zone = try zone(of: policy)
    let window = WallClock(zone).window(of: policy, at: time)
    windows[policy.id] = (policy, window)
    return window
  }

  private mutating func zone(of policy: Policy) throws(UnknownTimeZone) -> TimeZone {
    if let zone = zones[policy.timeZone] { return zone }
    guard let zone = PolicyCalendar.zone(policy.timeZone) else {
      throw UnknownTimeZone(name: policy.timeZone)
    }
    zones[policy.timeZone] = zone
    return zone
  }

  /// Accepts only names of the IANA database: Foundation also accepts offsets and abbreviations, which other
  /// systems interpret differently.
  private static func zone(_ name: String) -> TimeZone? {
    guard name == "UTC" || name == "GMT" || name.contains("/"), let zone = TimeZone(identifier: name) else {
      return nil
    }
    return zone
  }
}

/// The wall clocks of one zone.
private struct WallClock {
  private let zone: TimeZone
  init(_ zone: TimeZone) { self.zone = zone }

  func window(of policy: Policy, at time: Timestamp) -> DayWindow {
    let second = time.microseconds.flooredDivision(by: 1_000_000).quotient
    var day = Day(number: Int32(local(second).flooredDivision(by: 86_400).quotient))
    // If the clocks are set back across midnight, they show yesterday again; the business day never goes
    // back.
    while start(of: day.advanced(by: 1)) <= second { day = day.advanced(by: 1) }
    return DayWindow(
      day: day, startsAt: timestamp(start(of: day)), opensAt: timestamp(opening(of: day, policy)),
      endsAt: timestamp(start(of: day.advanced(by: 1))),
      followingOpensAt: following(day, policy).map(timestamp))
  }

  private func start(of day: Day) -> Int64 { first(showing: Int64(day.number) * 86_400) }

  private func opening(of day: Day, _ policy: Policy) -> Int64 {
    let opening = first(showing: Int64(day.number) * 86_400 + Int64(policy.opensAt.seconds))
    return min(opening, start(of: day.advanced(by: 1)))
  }

  private func following(_ day: Day, _ policy: Policy) -> Int64? {
    var next = max(day.advanced(by: 1), policy.startsOn)
    while next <= policy.endsOn {
      let opening = opening(of: next, policy)
      if opening < start(of: next.advanced(by: 1)) { return opening }
      next = next.advanced(by: 1)
    }
    return nil
  }

  /// The first second since 1970 at which the wall clock shows `wall` (in seconds, as if it were UTC) or
  /// later.
  private func first(showing wall: Int64) -> Int64 {
    // No zone was ever more than 16 hours from UTC.
    var from = wall - 20 * 3600
    for _ in 0..<8 {
      let candidate = max(from, wall - offset(from))
      guard let change = nextChange(after: from), change <= candidate else { return candidate }
      from = change
    }
    return wall - offset(from)
  }

  private func nextChange(after second: Int64) -> Int64? {
    zone.nextDaylightSavingTimeTransition(after: date(second)).map {
      Int64($0.timeIntervalSince1970.rounded(.up))
    }
  }

  private func local(_ second: Int64) -> Int64 { second + offset(second) }
  private func offset(_ second: Int64) -> Int64 { Int64(zone.secondsFromGMT(for: date(second))) }
  private func date(_ second: Int64) -> Date { Date(timeIntervalSince1970: Double(second)) }
  private func timestamp(_ second: Int64) -> Timestamp { Timestamp(microseconds: second * 1_000_000) }
}
