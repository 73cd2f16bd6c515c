import TestSupport
import CouponCalendar
import CouponDomain
import Foundation
import Testing
import Text

/// Days and openings of real zones, at the changes of their clocks. UTC moments are written out.
@Suite(.limited) struct PolicyCalendarTests {
  private func window(_ policy: Policy, at time: String) throws -> DayWindow {
    var calendar = PolicyCalendar()
    return try calendar.window(of: policy, at: Make.time(time))
  }

  private func expect(
    _ window: DayWindow, _ day: String, _ starts: String, _ opens: String, _ ends: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let written = [
      window.day.description, short(window.startsAt), short(window.opensAt), short(window.endsAt),
    ]
    #expect(written == [day, starts, opens, ends], sourceLocation: sourceLocation)
  }

  private func short(_ time: Timestamp) -> String {
    time.description.replacing(".000000Z", with: "Z")
  }

  @Test func seoulHasNoChangeOfTheClocks() throws {
    let policy = try Make.policy()
    let last = try window(policy, at: "2026-07-01T14:59:59.999999Z")
    expect(last, "2026-07-01", "2026-06-30T15:00:00Z", "2026-07-01T01:00:00Z", "2026-07-01T15:00:00Z")
    let next = try window(policy, at: "2026-07-01T15:00:00Z")
    expect(next, "2026-07-02", "2026-07-01T15:00:00Z", "2026-07-02T01:00:00Z", "2026-07-02T15:00:00Z")
    #expect(last.endsAt == next.startsAt && last.followingOpensAt == next.opensAt)
  }

  @Test func theFollowingOpeningIsTheEvents() throws {
    let policy = try Make.policy()
    #expect(
      try window(policy, at: "2020-01-01T00:00:00Z").followingOpensAt == Make.time("2026-07-01T01:00:00Z"))
    #expect(
      try window(policy, at: "2026-06-30T14:59:59Z").followingOpensAt == Make.time("2026-07-01T01:00:00Z"))
    #expect(try window(policy, at: "2026-07-07T14:59:59Z").followingOpensAt == nil)
    #expect(try window(policy, at: "2026-07-08T00:00:00Z").followingOpensAt == nil)
  }

  @Test func newYorkInSpringHas23Hours() throws {
    let policy = try Make.policy(
      startsOn: "2026-03-01", endsOn: "2026-03-31", opensAt: "10:00", timeZone: "America/New_York")
    let day = try window(policy, at: "2026-03-08T12:00:00Z")
    expect(day, "2026-03-08", "2026-03-08T05:00:00Z", "2026-03-08T14:00:00Z", "2026-03-09T04:00:00Z")
    #expect(day.endsAt.microseconds - day.startsAt.microseconds == 23 * 3_600_000_000)
  }

  @Test func anOpeningThatTheClocksSkipIsTheMomentTheyGoOn() throws {
    let policy = try Make.policy(
      startsOn: "2026-03-01", endsOn: "2026-03-31", opensAt: "02:30", timeZone: "America/New_York")
    let day = try window(policy, at: "2026-03-08T12:00:00Z")
    #expect(short(day.opensAt) == "2026-03-08T07:00:00Z", "03:00 daylight time")
    #expect(
      try short(#require(window(policy, at: "2026-03-07T12:00:00Z").followingOpensAt))
        == "2026-03-08T07:00:00Z")
  }

  @Test func newYorkInAutumnHas25HoursAndOpensAtTheFirstOfTwo() throws {
    let policy = try Make.policy(
      startsOn: "2026-11-01", endsOn: "2026-11-30", opensAt: "01:30", timeZone: "America/New_York")
    let day = try window(policy, at: "2026-11-01T12:00:00Z")
    expect(day, "2026-11-01", "2026-11-01T04:00:00Z", "2026-11-01T05:30:00Z", "2026-11-02T05:00:00Z")
    #expect(day.endsAt.microseconds - day.startsAt.microseconds == 25 * 3_600_000_000)
  }

  @Test func aChangeAtMidnightMovesTheStartOfTheDay() throws {
    let policy = try Make.policy(
      startsOn: "2012-10-01", endsOn: "2012-10-31", opensAt: "00:00", timeZone: "America/Sao_Paulo")
    let before = try window(policy, at: "2012-10-21T02:59:59.999999Z")
    #expect(before.day.description == "2012-10-20")
    let day = try window(policy, at: "2012-10-21T03:00:00Z")
    expect(day, "2012-10-21", "2012-10-21T03:00:00Z", "2012-10-21T03:00:00Z", "2012-10-22T02:00:00Z")
  }

  @Test func theClocksPutBackOverMidnightDoNotPutTheDayBack() throws {
    let policy = try Make.policy(
      startsOn: "2010-11-01", endsOn: "2010-11-30", opensAt: "23:30", timeZone: "America/St_Johns")
    // At 00:01 of the 7th the clocks of Newfoundland went back to 23:01 of the 6th.
    let sixth = try window(policy, at: "2010-11-07T02:29:59Z")
    expect(sixth, "2010-11-06", "2010-11-06T02:30:00Z", "2010-11-07T02:00:00Z", "2010-11-07T02:30:00Z")
    for moment in [
      "2010-11-07T02:30:00Z", "2010-11-07T02:31:00Z", "2010-11-07T03:15:00Z", "2010-11-07T03:30:00Z",
    ] {
      let seventh = try window(policy, at: moment)
      expect(seventh, "2010-11-07", "2010-11-07T02:30:00Z", "2010-11-08T03:00:00Z", "2010-11-08T03:30:00Z")
    }
  }

  @Test func aDayThatACountryLeftOutIsNobodysOpening() throws {
    let policy = try Make.policy(
      startsOn: "2011-12-28", endsOn: "2012-01-02", opensAt: "10:00", timeZone: "Pacific/Apia")
    let day = try window(policy, at: "2011-12-30T09:59:59Z")
    expect(day, "2011-12-29", "2011-12-29T10:00:00Z", "2011-12-29T20:00:00Z", "2011-12-30T10:00:00Z")
    #expect(
      try short(#require(day.followingOpensAt)) == "2011-12-30T20:00:00Z", "of the 31st: there was no 30th")
    #expect(try window(policy, at: "2011-12-30T10:00:00Z").day.description == "2011-12-31")
  }

  @Test(arguments: [
    "Asia/Seoul", "Europe/Berlin", "America/St_Johns", "America/Sao_Paulo", "Pacific/Apia",
    "Africa/Casablanca",
    "Australia/Lord_Howe", "Asia/Beirut", "America/Havana", "Pacific/Kiritimati", "Etc/GMT+12",
    "Asia/Kathmandu", "UTC",
  ])
  func daysFollowEachOtherWithoutAGap(_ zone: String) throws {
    for (start, end) in [("2010-01-01", "2012-12-31"), ("2025-01-01", "2026-12-31")] {
      let policy = try Make.policy(startsOn: start, endsOn: end, opensAt: "00:30", timeZone: zone)
      var calendar = PolicyCalendar()
      var window = try calendar.window(of: policy, at: Make.time(start + "T00:00:00Z"))
      while window.day < policy.endsOn {
        let next = try calendar.window(of: policy, at: window.endsAt)
        #expect(next.day > window.day && next.startsAt == window.endsAt && next.contains(window.endsAt))
        #expect(window.startsAt <= window.opensAt && window.opensAt <= window.endsAt)
        if next.opens, next.day <= policy.endsOn { #expect(window.followingOpensAt == next.opensAt) }
        let last = Timestamp(microseconds: next.endsAt.microseconds - 1)
        #expect(try calendar.window(of: policy, at: last) == next)
        window = next
      }
    }
  }

  /// The openings, beside a search second by second through what Foundation's clocks show.
  @Test(arguments: ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo"])
  func openingsAreWhatTheWallClockShows(_ name: String) throws {
    let zone = try #require(TimeZone(identifier: name))
    let policy = try Make.policy(
      startsOn: "2012-01-01", endsOn: "2012-12-31", opensAt: "01:45", timeZone: name)
    var calendar = PolicyCalendar()
    var time = try Make.time("2012-01-02T00:00:00Z")
    let end = try Make.time("2012-12-30T00:00:00Z")
    while time < end {
      let window = try calendar.window(of: policy, at: time)
      let wall = Int(window.day.number) * 86_400 + 6_300
      var second = Int(window.startsAt.microseconds / 1_000_000)
      while second + zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(second))) < wall {
        second += 900
      }
      #expect(window.opensAt.microseconds == Int64(second) * 1_000_000, "\(window.day)")
      time = window.endsAt
    }
  }

  @Test func zonesAreNamesOfTheDatabase() throws {
    for name in ["Asia/Seoul", "UTC", "GMT", "Etc/UTC", "US/Eastern"] {
      #expect(PolicyCalendar.knows(timeZone: name))
    }
    for name in ["Mars/Phobos", "asia/seoul", "KST", "GMT+9", "+09:00", "", "/", "../etc/passwd"] {
      #expect(!PolicyCalendar.knows(timeZone: name), "\(name)")
    }
    var calendar = PolicyCalendar()
    let policy = try Make.policy(timeZone: "Mars/Phobos")
    #expect(throws: UnknownTimeZone.self) { try calendar.window(of: policy, at: Timestamp(microseconds: 0)) }
  }

  @Test func aKeptWindowIsOfThatPolicyOnly() throws {
    var calendar = PolicyCalendar()
    let noon = try Make.time("2026-07-01T03:00:00Z")
    let ten = try calendar.window(of: Make.policy(opensAt: "10:00"), at: noon)
    let eleven = try calendar.window(of: Make.policy(opensAt: "11:00"), at: noon)
    #expect(eleven.opensAt.microseconds - ten.opensAt.microseconds == 3_600_000_000)
  }
}
