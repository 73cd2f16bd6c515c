import TestSupport
import CouponDomain
import Testing
import Text

/// Opening, midnight and the ends of the event, each at the boundary itself.
@Suite(.limited) struct HoursTests {
  @Test func opensAtTheMicrosecond() throws {
    let policy = try Make.policy()
    let window = try Make.seoulWindow("2026-07-01", following: "2026-07-02T01:00:00Z")
    let opening = try Make.time("2026-07-01T01:00:00Z")
    #expect(
      policy.hours(at: try Make.time("2026-07-01T00:59:59.999999Z"), in: window) == .closed(next: opening))
    #expect(policy.hours(at: opening, in: window) == .open)
  }

  @Test func staysOpenUntilMidnight() throws {
    let policy = try Make.policy()
    let today = try Make.seoulWindow("2026-07-01", following: "2026-07-02T01:00:00Z")
    let tomorrow = try Make.seoulWindow("2026-07-02", following: "2026-07-03T01:00:00Z")
    let last = try Make.time("2026-07-01T14:59:59.999999Z")
    let midnight = try Make.time("2026-07-01T15:00:00Z")
    #expect(today.contains(last) && !tomorrow.contains(last))
    #expect(!today.contains(midnight) && tomorrow.contains(midnight))
    #expect(policy.hours(at: last, in: today) == .open)
    let opening = try Make.time("2026-07-02T01:00:00Z")
    #expect(policy.hours(at: midnight, in: tomorrow) == .closed(next: opening))
  }

  @Test func beforeTheEventTheFirstOpeningIsNext() throws {
    let first = "2026-07-01T01:00:00Z"
    let window = try Make.seoulWindow("2026-06-30", following: first)
    let hours = try Make.policy().hours(at: Make.time("2026-06-30T12:00:00Z"), in: window)
    #expect(hours == .closed(next: try Make.time(first)))
  }

  @Test func afterTheEventNothingIsNext() throws {
    let policy = try Make.policy()
    let last = try Make.seoulWindow("2026-07-07")
    let after = try Make.seoulWindow("2026-07-08")
    #expect(policy.hours(at: try Make.time("2026-07-07T14:59:59.999999Z"), in: last) == .open)
    #expect(policy.hours(at: try Make.time("2026-07-07T15:00:00Z"), in: after) == .closed(next: nil))
  }

  @Test func anEventOfOneDay() throws {
    let policy = try Make.policy(startsOn: "2026-07-01", endsOn: "2026-07-01")
    #expect(policy.isEventDay(try Make.day("2026-07-01")))
    #expect(!policy.isEventDay(try Make.day("2026-06-30")))
    #expect(!policy.isEventDay(try Make.day("2026-07-02")))
    let window = try Make.seoulWindow("2026-07-01")
    #expect(policy.hours(at: try Make.time("2026-07-01T01:00:00Z"), in: window) == .open)
    let after = try Make.seoulWindow("2026-07-02")
    #expect(policy.hours(at: try Make.time("2026-07-01T15:00:00Z"), in: after) == .closed(next: nil))
  }

  @Test func openingAtMidnightIsOpenAllDay() throws {
    let day = try Make.seoulWindow("2026-07-01")
    let window = DayWindow(
      day: day.day, startsAt: day.startsAt, opensAt: day.startsAt, endsAt: day.endsAt, followingOpensAt: nil)
    #expect(try Make.policy(opensAt: "00:00").hours(at: day.startsAt, in: window) == .open)
  }

  @Test func aDayWhoseOpeningIsSkippedDoesNotOpen() throws {
    let day = try Make.seoulWindow("2026-07-01")
    let following = try Make.time("2026-07-02T14:30:00Z")
    let window = DayWindow(
      day: day.day, startsAt: day.startsAt, opensAt: day.endsAt, endsAt: day.endsAt,
      followingOpensAt: following)
    #expect(try Make.policy().hours(at: day.startsAt, in: window) == .closed(next: following))
  }

  @Test func thePeriodIsTheDayOrTheWholeEvent() throws {
    let day = try Make.day("2026-07-03")
    #expect(try Make.policy(perPerson: .daily).period(of: day) == day)
    #expect(try Make.policy(perPerson: .once).period(of: day) == Make.day("2026-07-01"))
  }
}
