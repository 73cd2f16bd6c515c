import TestSupport
import CouponAPI
import CouponDatabase
import CouponDomain
import CouponStore
import EventLoop
import Testing
import CouponMonolith
import Text

@Suite(.limited) struct PolicyTests {
  @Test func aPolicyIsCreatedOnceAndFoundAgain() async throws {
    try await withMonolith { fixture in
      guard case .policy(let policy, created: true) = try await fixture.create(7) else { throw Unexpected() }
      guard case .policy(policy, created: false) = try await fixture.create(7) else { throw Unexpected() }
      guard case .conflict(existing: policy) = try await fixture.create(7, quota: 3) else {
        throw Unexpected()
      }
      guard case .policy(let next, created: true) = try await fixture.create(nil) else { throw Unexpected() }
      #expect(next.id.value == 8)
      #expect(try await fixture.int("SELECT count(*) FROM coupon_event WHERE type = 'PolicyCreated'") == 2)
      #expect(try await fixture.int("SELECT count(*) FROM policy_day WHERE policy_id = 7") == 7)
    }
  }

  @Test func manyPoliciesWithoutIDAtOnceHaveDifferentOnes() async throws {
    try await withMonolith { fixture in
      let runs = (1...4).map { number in start { try await fixture.create(nil, name: "number \(number)") } }
      var ids: Set<Int32> = []
      for run in runs {
        guard case .policy(let policy, created: true) = try await run.value() else { throw Unexpected() }
        ids.insert(policy.id.value)
      }
      #expect(ids == [1, 2, 3, 4])
    }
  }

  /// One policy with the last number there is must not end the making of policies.
  @Test func theLastIDIsFollowedByTheLowestFreeOne() async throws {
    try await withMonolith { fixture in
      for id in [1, Int(Int32.max), 3] { _ = try await fixture.create(id) }
      var chosen: [Int32] = []
      for number in 0..<3 {
        guard
          case .policy(let policy, created: true) = try await fixture.create(nil, name: "number \(number)")
        else { throw Unexpected() }
        chosen.append(policy.id.value)
      }
      #expect(chosen == [2, 4, 5])
    }
  }

  @Test func statusLatestCouponAndEvents() async throws {
    try await withMonolith { fixture in
      let service = fixture.monolith.coupons
      let (id, end) = (try #require(PolicyID(1)), Instant.now + .seconds(20))
      let (noon, user) = (try #require(Timestamp(Fixture.noon)), try #require(UserID("a")))
      guard case .noSuchPolicy = await service.status(of: id, at: noon, deadline: end).value() else {
        throw Unexpected()
      }
      guard case .noSuchPolicy = await service.latestCoupon(of: user, in: id, deadline: end).value() else {
        throw Unexpected()
      }
      guard case .noSuchPolicy = await service.events(of: id, after: 0, limit: 10, deadline: end) else {
        throw Unexpected()
      }

      guard case .policy(let policy, _) = try await fixture.create(quota: 5, perPerson: .daily) else {
        throw Unexpected()
      }
      guard case .none = await service.latestCoupon(of: user, in: id, deadline: end).value() else {
        throw Unexpected()
      }
      _ = try await fixture.issue("a")
      _ = try await fixture.issue("b")
      let coupon = try #require(try await fixture.issue("a", at: "2026-07-02T03:00:00Z").created)

      guard
        case .policy(policy, let window, issued: 2) = await service.status(of: id, at: noon, deadline: end)
          .value()
      else { throw Unexpected() }
      #expect(window.day.description == "2026-07-01")
      guard case .coupon(coupon) = await service.latestCoupon(of: user, in: id, deadline: end).value() else {
        throw Unexpected()
      }

      guard case .events(let all) = await service.events(of: id, after: 0, limit: 10, deadline: end) else {
        throw Unexpected()
      }
      #expect(all.map(\.rank) == [nil, 1, 2, 1])
      guard case .policyCreated(let created) = try LogCodec.decode(all[0].payload) else { throw Unexpected() }
      #expect(created.policy == policy)
      #expect(try LogCodec.decode(all[3].payload) == .claim(coupon.claim))
      guard
        case .events(let page) = await service.events(of: id, after: all[1].sequence, limit: 1, deadline: end),
        case .events(let none) = await service.events(of: id, after: all[3].sequence, limit: 1, deadline: end)
      else { throw Unexpected() }
      #expect(page.map(\.sequence) == [all[2].sequence] && none.isEmpty)
    }
  }

  @Test func theBystander() async throws {
    try await withMonolith { fixture in
      let (bystander, end) = (fixture.monolith.bystander, Instant.now + .seconds(20))
      let user = try #require(UserID("guest"))
      guard case .found(let stays) = await bystander.stays(deadline: end), let first = stays.first else {
        throw Unexpected()
      }
      guard case .found(let booking) = await bystander.book(stay: first.id, by: user, deadline: end) else {
        throw Unexpected()
      }
      #expect(booking.stayID == first.id && booking.userID == user)
      guard case .found(let after) = await bystander.stay(first.id, deadline: end) else { throw Unexpected() }
      #expect(after.roomsLeft == first.roomsLeft - 1)
      guard case .notFound = await bystander.stay(4711, deadline: end),
        case .notFound = await bystander.book(stay: 4711, by: user, deadline: end)
      else { throw Unexpected() }
      try await fixture.execute("UPDATE stay SET rooms_left = 0 WHERE stay_id = \(first.id)")
      guard case .full = await bystander.book(stay: first.id, by: user, deadline: end) else {
        throw Unexpected()
      }
    }
  }
}

struct Unexpected: Error, CustomStringConvertible {
  let description: String
  init(_ description: String = "unexpected answer") { self.description = description }
}
