import CouponAPI
import CouponDomain
import EventLoop
import Postgres
import TestSupport
import Testing
import Text

@Suite(.limited) struct IssuanceTests {
  @Test func twoHundredPeopleAtOnceGetExactlyTwentyCoupons() async throws {
    try await withMonolith { fixture in
      _ = try await fixture.create(quota: 20)
      let people = (1...200).map { "user-\($0)" }
      let answers = try await fixture.issue(all: people)
      #expect(answers.compactMap { $0.created?.rank }.sorted() == Array(1...20))
      #expect(answers.count { $0 == .soldOut } == 180)
      #expect(
        try await fixture.int("SELECT count(DISTINCT user_id) FROM coupon WHERE rank BETWEEN 1 AND 20") == 20)
      try await fixture.expectLedgersAgree()

      // Again, all at once: each hears the same.
      let again = try await fixture.issue(all: people)
      for (first, second) in zip(answers, again) {
        #expect(second.existing == first.created && (second == .soldOut) == (first == .soldOut))
      }
      try await fixture.expectLedgersAgree()
    }
  }

  @Test func onePersonManyTimesAtOnceGetsOneCoupon() async throws {
    try await withMonolith { fixture in
      _ = try await fixture.create(quota: 20)
      let answers = try await fixture.issue(all: Array(repeating: "eager", count: 50))
      let created = answers.compactMap(\.created)
      #expect(created.count == 1 && created.first?.rank == 1)
      #expect(answers.compactMap(\.existing) == Array(repeating: created[0], count: 49))
      try await fixture.expectLedgersAgree()
    }
  }

  @Test func theOrderOfTheAnswers() async throws {
    try await withMonolith { fixture in
      let seconds = ["2026-07-01T00:59:59.999999Z", "2026-07-01T01:00:00Z"]
      #expect(try await fixture.issue("a") == .noSuchPolicy)
      _ = try await fixture.create(quota: 1, perPerson: .daily)
      let opening = try #require(Timestamp(seconds[1]))
      #expect(try await fixture.issue("a", at: seconds[0]) == .notOpen(next: opening))
      let coupon = try #require(try await fixture.issue("a", at: seconds[1]).created)
      #expect(coupon.rank == 1 && coupon.claim.day.description == "2026-07-01")
      #expect(try await fixture.issue("b") == .soldOut)
      // The coupon one holds comes before the hours, the hours before the quota.
      #expect(try await fixture.issue("a", at: seconds[0]).existing == coupon)
      #expect(try await fixture.issue("b", at: seconds[0]) == .notOpen(next: opening))
      #expect(try await fixture.issue("b", at: "2026-07-08T03:00:00Z") == .notOpen(next: nil))
      // A new day, a new quota and, where one may have one a day, a new coupon.
      let next = try #require(try await fixture.issue("a", at: "2026-07-02T03:00:00Z").created)
      #expect(next.rank == 1 && next.claim.couponID != coupon.claim.couponID)
      try await fixture.expectLedgersAgree()
    }
  }

  @Test func onceIsOnceOverMidnight() async throws {
    try await withMonolith { fixture in
      _ = try await fixture.create(quota: 1000)
      // Each person asks on two days at the same moment: two locks, and the unique key decides.
      let people = (1...100).map { "user-\(($0 + 1) / 2)" }
      let answers = try await fixture.issue(
        all: people, at: ["2026-07-01T14:59:59.999999Z", "2026-07-02T01:00:00Z"])
      for pair in stride(from: 0, to: 100, by: 2) {
        let two = [answers[pair], answers[pair + 1]]
        let created = two.compactMap(\.created)
        #expect(created.count == 1 && two.compactMap(\.existing) == created, "\(two)")
      }
      #expect(try await fixture.int("SELECT count(*) FROM coupon") == 50)
      try await fixture.expectLedgersAgree()
    }
  }

  @Test func theLastCouponOfADayIsGivenOnce() async throws {
    try await withMonolith { fixture in
      _ = try await fixture.create(quota: 1)
      let answers = try await fixture.issue(all: (1...64).map { "user-\($0)" })
      #expect(answers.compactMap(\.created).map(\.rank) == [1])
      #expect(answers.count { $0 == .soldOut } == 63)
      try await fixture.expectLedgersAgree()
    }
  }
}
