import CouponDomain
import Foundation
package import Text

/// A policy's opening at a whole second that is about to come: the moment, and how a policy writes it.
package struct OpeningPlan: Hashable, Sendable {
  package let opening: Timestamp
  package let day: Day
  package let opensAt: TimeOfDay
  package let timeZone: String

  /// The first whole second at least `lead` after `now`.
  ///
  /// In Seoul, or in UTC where Seoul is near midnight: a run must not meet the end of its day.
  package init(after now: Timestamp, lead: Duration) {
    let (seconds, attoseconds) = lead.components
    let earliest = now.microseconds + seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    let second = (earliest + 999_999) / 1_000_000
    opening = Timestamp(microseconds: second * 1_000_000)
    // Neither zone changes its clocks.
    let seoul = OpeningPlan.wall(second, offset: 9 * 3_600)
    let isSafe = (3_600..<22 * 3_600).contains(seoul.seconds)
    let wall = isSafe ? seoul : OpeningPlan.wall(second, offset: 0)
    timeZone = isSafe ? "Asia/Seoul" : "UTC"
    day = Day(number: wall.day)
    guard let time = TimeOfDay(seconds: wall.seconds) else {
      preconditionFailure("a remainder is within a day")
    }
    opensAt = time
  }

  private static func wall(_ second: Int64, offset: Int64) -> (day: Int32, seconds: Int) {
    let local = second + offset
    return (Int32(clamping: local / 86_400), Int(local % 86_400))
  }
}
