import CouponAPI
import CouponDomain
import CouponMonolith
import EventLoop
import Postgres
import PrivateServers
import TestSupport
import Testing
import Text

/// `for-update-cached`: what is answered from memory, what is not, and what a wrong memory does.
@Suite(.serialized, .limited) struct CachedTests {
  @Test func aFullDayIsAnsweredFromMemoryAndItsWinnersByTheDatabase() async throws {
    try await withMonolith(strategy: .forUpdateCached) { fixture in
      _ = try await fixture.create(quota: 3)
      #expect(try fixture.known("late") == nil)
      let winners = try await fixture.issue(all: ["a", "b", "c"]).compactMap(\.created)
      #expect(winners.count == 3)
      #expect(try fixture.known("late") == nil)
      try await fixture.untilKnown("late")
      for (person, coupon) in zip(["a", "b", "c"], winners) {
        #expect(try fixture.known(person) == nil)
        #expect(try await fixture.issue(person).existing == coupon)
      }
      // The hours come before the quota; another day is another question.
      let before = "2026-07-01T00:59:59Z"
      let opening = try #require(Timestamp("2026-07-01T01:00:00Z"))
      #expect(try await fixture.issue("late", at: before) == .notOpen(next: opening))
      #expect(try fixture.known("late", at: "2026-07-02T03:00:00Z") == nil)
      #expect(try await fixture.issue("late", at: "2026-07-02T03:00:00Z").created?.rank == 1)
      try await fixture.expectLedgersAgree()
    }
  }

  /// As many as two pages of winners, and a few.
  @Test func everyWinnerOfALargeDayIsKnown() async throws {
    try await withMonolith(strategy: .forUpdateCached) { fixture in
      _ = try await fixture.create(quota: 9_000, perPerson: .daily)
      let id = "lpad(n::text, 32, '0')"
      try await fixture.execute(
        """
        INSERT INTO coupon SELECT \(id), 1, 'w' || n, '2026-07-01', '2026-07-01', n, now(), \(id)
        FROM generate_series(1, 9000) AS n
        """, "UPDATE policy_day SET issued = 9000 WHERE day = '2026-07-01'")
      try await fixture.untilKnown("late")
      for number in [1, 4_095, 4_096, 4_097, 8_192, 8_193, 9_000] {
        #expect(try await fixture.issue("w\(number)").existing?.rank == number)
      }
    }
  }

  /// A standby that lagged was promoted, a backup restored: the request that asks each second finds it.
  @Test func aDayThatHasRoomAgainIsForgotten() async throws {
    try await withMonolith(strategy: .forUpdateCached) { fixture in
      _ = try await fixture.create(quota: 3)
      _ = try await fixture.issue(all: ["a", "b", "c"])
      try await fixture.untilKnown("late")
      try await fixture.execute(
        "DELETE FROM coupon WHERE rank > 1", "UPDATE policy_day SET issued = 1 WHERE issued = 3")
      try await fixture.eventuallyWins("late")
      // The first who finds room finds it for everybody.
      #expect(try await fixture.issue("later").created?.rank == 3)
      #expect(try await fixture.int("SELECT count(*) FROM coupon") == 3)
      #expect(try await fixture.issue("too-late") == .soldOut)
    }
  }

  @Test func aPolicyThatIsGoneIsForgotten() async throws {
    try await withMonolith(strategy: .forUpdateCached) { fixture in
      _ = try await fixture.create(quota: 1)
      _ = try await fixture.issue("a")
      try await fixture.untilKnown("late")
      try await fixture.execute(
        "DELETE FROM coupon", "DELETE FROM policy_day", "DELETE FROM policy")
      try await fixture.until("late", hears: .noSuchPolicy)
      // The first who finds it out does so for everybody.
      #expect(try fixture.known("late") == nil)
      #expect(try await fixture.issue("later") == .noSuchPolicy)
    }
  }

  @Test func aPolicyInThePlaceOfAnotherIsAskedAbout() async throws {
    try await withMonolith(strategy: .forUpdateCached) { fixture in
      _ = try await fixture.create(quota: 1)
      _ = try await fixture.issue("a")
      try await fixture.untilKnown("late")
      try await fixture.execute(
        "UPDATE policy SET daily_quota = 3, name = 'other'", "UPDATE policy_day SET quota = 3")
      try await fixture.eventuallyWins("late")
      #expect(try fixture.known("later") == nil)
      #expect(try await fixture.issue("later").created?.rank == 3)
      try await fixture.untilKnown("too-late")
    }
  }

  /// Neither by claims on another day, which are noted, nor by the winners that are read.
  @Test func noMoreWinnersAreRememberedThanMayBe() async throws {
    try await withMonolith { fixture in
      let policy = try await fixture.policy(1, quota: 2)
      let cached = ForUpdateCached(
        pool: DecidingPool(fixture.tables), reading: fixture.tables, maximumWinners: 5)
      let day = try Self.window("2026-07-01")
      for person in ["a", "b"] { try await fixture.win(person, policy, cached) }
      try await Self.untilKnown(cached, policy, day, issued: 2)
      for person in ["c", "d"] { try await fixture.win(person, on: "2026-07-02", policy, cached) }
      try await fixture.win("e", on: "2026-07-03", policy, cached)
      #expect(try Self.knows(cached, policy, day))
      try await fixture.win("f", on: "2026-07-04", policy, cached)
      #expect(try !Self.knows(cached, policy, day))

      // Six that are read, then, by one that starts again; and so often only once.
      let reading = try await fixture.pool(size: 4)
      let restarted = ForUpdateCached(pool: DecidingPool(fixture.tables), reading: reading, maximumWinners: 5)
      for _ in 1...3 {
        restarted.looked(at: policy, on: day, issued: 2)
        try await until { reading.statistics.answered == 1 && reading.statistics.inUse == 0 }
        for _ in 1...10 { await EventLoop.shared.sleep(for: .zero) }
        #expect(try !Self.knows(restarted, policy, day))
      }
      #expect(reading.statistics.answered == 1)
      // A smaller one has room.
      let small = try await fixture.policy(2, quota: 2)
      for person in ["a", "b"] { try await fixture.win(person, small, restarted) }
      try await Self.untilKnown(restarted, small, day, issued: 2)
      // So many are not read at all.
      let large = try await fixture.policy(3, quota: 4)
      let answered = reading.statistics.answered
      restarted.looked(at: large, on: day, issued: 4)
      for _ in 1...10 { await EventLoop.shared.sleep(for: .zero) }
      #expect(reading.statistics.answered == answered && reading.statistics.inUse == 0)
      await reading.close()
    }
  }

  @Test func theWinnersOfOneDayAreReadAtATime() async throws {
    try await withMonolith { fixture in
      let reading = try await fixture.pool(size: 4)
      let cached = ForUpdateCached(pool: DecidingPool(fixture.tables), reading: reading)
      let day = try Self.window("2026-07-01")
      var policies: [Policy] = []
      for id in 1...3 {
        let policy = try await fixture.policy(id, quota: 1)
        try await fixture.win("a", policy, cached)
        policies.append(policy)
      }
      for policy in policies { cached.looked(at: policy, on: day, issued: 1) }
      try await until { reading.statistics.inUse + reading.statistics.waiting > 0 }
      #expect(reading.statistics.inUse + reading.statistics.waiting == 1)
      for policy in policies { try await Self.untilKnown(cached, policy, day, issued: 1) }
      await reading.close()
    }
  }

  private static func window(_ day: String) throws -> DayWindow {
    let opens = try #require(Timestamp(day + "T01:00:00Z"))
    return DayWindow(
      day: try #require(Day(day)), startsAt: try #require(Timestamp(day + "T00:00:00Z")), opensAt: opens,
      endsAt: try #require(Timestamp(day + "T23:59:59Z")), followingOpensAt: nil)
  }

  @LoopActor
  private static func knows(_ cached: ForUpdateCached, _ policy: Policy, _ day: DayWindow) throws -> Bool {
    let late = try #require(UserID("late"))
    // One request a second asks the database.
    return (0..<2).contains { _ in cached.known(late, of: policy.id, at: day.opensAt) != nil }
  }

  /// Looks until the day is answered from memory, as requests do.
  @LoopActor
  private static func untilKnown(
    _ cached: ForUpdateCached, _ policy: Policy, _ day: DayWindow, issued: Int
  ) async throws {
    let late = try #require(UserID("late"))
    try await until {
      cached.looked(at: policy, on: day, issued: issued)
      return cached.known(late, of: policy.id, at: day.opensAt) != nil
    }
  }

  /// With `once`, a coupon of another day is the answer on a full one, whenever it was won.
  @Test func acrossDaysAWinnerHearsOfTheCouponAndNotOfTheFullDay() async throws {
    try await withMonolith(strategy: .forUpdateCached) { fixture in
      _ = try await fixture.create(quota: 2)
      let full = "2026-07-02T03:00:00Z"
      let before = try #require(try await fixture.issue("before").created)
      _ = try await fixture.issue(all: ["a", "b"], at: [full])
      try await fixture.untilKnown("late", at: full)
      #expect(try await fixture.issue("before", at: full).existing == before)
      let after = try #require(try await fixture.issue("after", at: "2026-07-03T03:00:00Z").created)
      #expect(try await fixture.issue("after", at: full).existing == after)
      // The new day is remembered now, and the old one asks again.
      _ = try await fixture.issue("c", at: "2026-07-03T03:00:00Z")
      try await fixture.untilKnown("late", at: "2026-07-03T03:00:00Z")
      #expect(try await fixture.issue("late", at: full) == .soldOut)
      #expect(try await fixture.issue("before", at: "2026-07-03T03:00:00Z").existing == before)
      try await fixture.expectLedgersAgree()
    }
  }

  /// Sold out is sold out; who may hold a coupon is not told anything that nobody knows.
  @Test func aStoppedDatabaseIsMissedByWinnersOnly() async throws {
    try await onLoop {
      let server = try await TestServers.ownPostgres()
      let fixture = try await Fixture(server, deadline: .milliseconds(600), strategy: .forUpdateCached)
      _ = try await fixture.create(quota: 1)
      _ = try await fixture.issue("winner")
      try await fixture.untilKnown("late")
      server.pause()
      let answers = try await fixture.issue(all: (1...50).map { "late-\($0)" })
      #expect(answers.count { $0 == .soldOut } >= 49)
      #expect(answers.allSatisfy { $0 == .soldOut || $0.isUnavailable })
      #expect(try await fixture.issue("winner").isUnavailable)
      server.resume()
      try await until { fixture.monolith.coupons.readiness().isReady }
      try await fixture.eventuallyWins("winner")
      await fixture.close()
      await server.stop()
    }
  }
}

extension Fixture {
  fileprivate func policy(_ id: Int, quota: Int) async throws -> Policy {
    guard case .policy(let policy, _) = try await create(id, quota: quota) else {
      throw TestFailure("no policy \(id)")
    }
    return policy
  }

  fileprivate func win(
    _ person: String, on day: String = "2026-07-01", _ policy: Policy, _ issuance: any Issuance
  ) async throws {
    let decision = try await issuance.decide(
      try claim(person, on: day, of: policy), hours: .open, of: policy, deadline: .now + .seconds(20))
    guard case .issued = decision else { throw TestFailure("\(person): \(decision)") }
  }

  /// Asks until the person hears this.
  fileprivate func until(_ person: String, hears expected: IssueAnswer) async throws {
    let end = Instant.now + .seconds(20)
    while try await issue(person) != expected {
      try #require(Instant.now < end)
      await EventLoop.shared.sleep(for: .milliseconds(20))
    }
  }

  /// The answer that needs no database; nil if it is asked.
  fileprivate func known(_ person: String, at time: String = Fixture.noon) throws -> IssueAnswer? {
    guard
      case .now(let answer) = monolith.coupons.issue(
        try request(person, at: time), for: IssueCaller { _ in })
    else { return nil }
    return answer
  }

  /// Asks until the answer comes from memory.
  fileprivate func untilKnown(_ person: String, at time: String = Fixture.noon) async throws {
    let end = Instant.now + .seconds(20)
    while true {
      if let answer = try known(person, at: time) { return #expect(answer == .soldOut) }
      #expect(try await issue(person, at: time) == .soldOut)
      try #require(Instant.now < end)
    }
  }
}
