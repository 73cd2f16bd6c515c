package import Text

/// One business day of a policy on the time line, computed from zone and opening time outside this module.
///
/// The day lasts from `startsAt` up to the next midnight `endsAt`, which it excludes, and opens at `opensAt`.
/// If the clocks skip the opening and the rest of the day, `opensAt` equals `endsAt` and the day does not
/// open.
package struct DayWindow: Hashable, Sendable {
  package let day: Day
  package let startsAt: Timestamp
  package let opensAt: Timestamp
  package let endsAt: Timestamp
  /// The first opening of the event after this day; nil if there is none.
  package let followingOpensAt: Timestamp?

  package init(
    day: Day, startsAt: Timestamp, opensAt: Timestamp, endsAt: Timestamp, followingOpensAt: Timestamp?
  ) {
    (self.day, self.startsAt, self.opensAt, self.endsAt) = (day, startsAt, opensAt, endsAt)
    self.followingOpensAt = followingOpensAt
  }

  package var opens: Bool { opensAt < endsAt }
  package func contains(_ time: Timestamp) -> Bool { time >= startsAt && time < endsAt }
}
