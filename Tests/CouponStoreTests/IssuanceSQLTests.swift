import TestSupport
import CouponDomain
import CouponStore
import EventLoop
import Postgres
import Testing
import Text

/// The monolith's statements and reads, played one request after the other.
@Suite(.limited) struct IssuanceSQLTests {
  @LoopActor
  private func create(_ policy: Policy, in database: TestDatabase, event: UInt64 = 1) async throws
    -> PolicyCreation
  {
    let created = PolicyCreated(eventID: EventID(high: 7, low: event), policy: policy, key: try Make.key())
    return try await PolicySQL.create(created, in: database.pool, deadline: database.deadline)
  }

  /// What the service does under the default strategy.
  @LoopActor
  private func issue(_ claim: CouponClaim, _ policy: Policy, in database: TestDatabase) async throws
    -> Decision
  {
    try await database.pool.transaction(deadline: database.deadline) { transaction in
      let answers = try await transaction.run([
        IssuanceSQL.lock(claim.day, of: policy.id), IssuanceSQL.find(claim.userID, on: claim.day, of: policy),
      ])
      let state = try #require(try IssuanceSQL.state(of: policy, day: answers[0], coupon: answers[1]))
      let decision = decide(claim, hours: .open, state)
      if case .issued(let coupon) = decision {
        let next = evolve(state, coupon)
        let counter = IssuanceSQL.set(issued: next.issued, on: claim.day, of: policy.id)
        _ = try await transaction.finish(IssuanceSQL.record(coupon, of: policy) + [counter])
      }
      return decision
    }
  }

  @Test func aPolicyIsReadBackAsItWasWritten() async throws {
    try await TestDatabase.with { database in
      let policies = try [
        Make.policy(1, name: #"여름 "첫" \ 쿠폰 {a,b}"#), Make.policy(7, opensAt: "23:59:59", perPerson: .daily),
        Make.policy(
          2_147_483_647, name: "ends of the ranges", startsOn: "1970-01-01", endsOn: "1970-01-01",
          opensAt: "00:00",
          quota: Policy.maximumQuota),
        Make.policy(8, startsOn: "9999-12-30", endsOn: "9999-12-31"),
      ]
      for (index, policy) in policies.enumerated() {
        #expect(try await create(policy, in: database, event: UInt64(index)) == .created)
        #expect(try await PolicySQL.find(policy.id, in: database.pool, deadline: database.deadline) == policy)
      }
      let all = try await PolicySQL.all(in: database.pool, deadline: database.deadline)
      #expect(all == policies.sorted { $0.id < $1.id })
      // The highest is the last there is: the lowest free one is chosen.
      #expect(try await PolicySQL.free(in: database.pool, deadline: database.deadline)?.value == 2)
      let days = try await AuditSQL.days(of: policies[0].id, in: database.pool, deadline: database.deadline)
      #expect(days.map(\.day.description).first == "2026-07-01" && days.count == 7)
      #expect(days.allSatisfy { $0.quota == 2 && $0.issued == 0 })
    }
  }

  @Test func theFirstPolicyOfAnIDStays() async throws {
    try await TestDatabase.with { database in
      #expect(try await PolicySQL.free(in: database.pool, deadline: database.deadline)?.value == 1)
      let first = try Make.policy(name: "first")
      #expect(try await create(first, in: database) == .created)
      #expect(try await create(Make.policy(name: "second"), in: database, event: 2) == .exists(first))
      #expect(try await create(first, in: database, event: 3) == .exists(first))
      #expect(try await database.count("coupon_event") == 1)
      #expect(try await PolicySQL.find(Make.id(2), in: database.pool, deadline: database.deadline) == nil)
    }
  }

  @Test func aDayIsSoldInOrder() async throws {
    try await TestDatabase.with { database in
      let policy = try Make.policy(quota: 2)
      _ = try await create(policy, in: database)
      let claims = try ["ann", "bob", "cid"].enumerated().map {
        try Make.claim($1, of: policy, event: UInt64($0 + 10))
      }
      #expect(try await issue(claims[0], policy, in: database) == .issued(Coupon(claim: claims[0], rank: 1)))
      #expect(try await issue(claims[1], policy, in: database) == .issued(Coupon(claim: claims[1], rank: 2)))
      #expect(try await issue(claims[2], policy, in: database) == .refused(.soldOut))
      let again = try Make.claim("ann", "2026-07-02", of: policy, event: 20)
      let held = Coupon(claim: claims[0], rank: 1)
      #expect(try await issue(again, policy, in: database) == .refused(.alreadyIssued(held)))

      let rows = try await AuditSQL.coupons(of: policy.id, in: database.pool, deadline: database.deadline)
      #expect(rows.map(\.coupon.rank) == [1, 2] && rows.allSatisfy { $0.period == policy.startsOn })
      #expect(rows.map(\.coupon.claim) == Array(claims[..<2]))
      #expect(
        try await AuditSQL.couponCount(of: policy.id, in: database.pool, deadline: database.deadline) == 2)
      let days = try await AuditSQL.days(of: policy.id, in: database.pool, deadline: database.deadline)
      #expect(days.map(\.issued) == [2, 0, 0, 0, 0, 0, 0])
      try await expectEvents(of: claims[..<2], policy, in: database)
    }
  }

  @LoopActor
  private func expectEvents(of claims: ArraySlice<CouponClaim>, _ policy: Policy, in database: TestDatabase)
    async throws
  {
    let (pool, deadline) = (database.pool, database.deadline)
    let events = try await EventSQL.events(of: policy.id, after: 0, limit: 100, in: pool, deadline: deadline)
    #expect(events.map(\.rank) == [nil, 1, 2])
    #expect(events.map(\.sequence) == events.map(\.sequence).sorted())
    #expect(events.dropFirst().map(\.payload) == claims.map { LogCodec.encode($0) })
    #expect(events.dropFirst().map(\.eventID) == claims.map(\.eventID))
    let later = try await EventSQL.events(
      of: policy.id, after: events[0].sequence, limit: 1, in: pool, deadline: deadline)
    #expect(later == [events[1]])
    #expect(try await EventSQL.policies(in: pool, deadline: deadline) == [policy.id])
    #expect(try await EventSQL.count(in: pool, deadline: deadline) == (3, events[2].sequence))
  }

  @Test func onePeriodHasOneRowWhateverTheProgramThinks() async throws {
    try await TestDatabase.with { database in
      let policy = try Make.policy(quota: 5)
      _ = try await create(policy, in: database)
      let first = Coupon(claim: try Make.claim("ann", "2026-07-01", of: policy, event: 1), rank: 1)
      let other = Coupon(claim: try Make.claim("ann", "2026-07-02", of: policy, event: 2), rank: 1)
      try await database.commit(IssuanceSQL.record(first, of: policy))
      let twice = await #expect(throws: PostgresError.self) {
        try await database.commit(IssuanceSQL.record(other, of: policy))
      }
      #expect(twice?.isUniqueViolation == true)
      let sameRank = Coupon(claim: try Make.claim("bob", "2026-07-01", of: policy, event: 3), rank: 1)
      let rank = await #expect(throws: PostgresError.self) {
        try await database.commit(IssuanceSQL.record(sameRank, of: policy))
      }
      #expect(rank?.isUniqueViolation == true)
      #expect(try await database.count("coupon") == 1)
      #expect(try await database.count("coupon_event") == 2)
    }
  }

  @Test func oneStatementShowsPolicyCountersAndCoupons() async throws {
    try await TestDatabase.with { database in
      let policy = try Make.policy(quota: 3, perPerson: .daily)
      _ = try await create(policy, in: database)
      let claims = try ["2026-07-01", "2026-07-02"].enumerated().map {
        try Make.claim("ann", $1, of: policy, event: UInt64($0 + 10))
      }
      for claim in claims { _ = try await issue(claim, policy, in: database) }
      _ = try await issue(Make.claim("bob", "2026-07-02", of: policy, event: 30), policy, in: database)

      // 23:00 UTC of the 1st is 08:00 of the 2nd in Seoul: both days are in the view.
      let (time, ann) = (try Make.time("2026-07-01T23:00:00Z"), try Make.user("ann"))
      let read = { @LoopActor (user: UserID, id: PolicyID) async throws in
        try await PolicySQL.person(user, of: id, around: time, in: database.pool, deadline: database.deadline)
      }
      let view = try #require(try await read(ann, policy.id))
      let (first, second) = (try Make.day("2026-07-01"), try Make.day("2026-07-02"))
      #expect(view.policy == policy)
      #expect(view.days.issued(on: first) == 1 && view.days.issued(on: second) == 2)
      #expect(view.coupon(on: first)?.claim == claims[0])
      #expect(
        view.state(on: second) == IssuanceState(policy: policy, issued: 2, held: view.coupon(on: second)))
      let stranger = try #require(try await read(Make.user("zoe"), policy.id))
      #expect(stranger.coupon(on: second) == nil && stranger.days == view.days)
      #expect(try await read(ann, Make.id(2)) == nil)
      let days = try await PolicySQL.days(
        of: policy.id, around: time, in: database.pool, deadline: database.deadline)
      #expect(days == view.days)
    }
  }

  @Test func aHolderOfOnceIsSeenOutsideTheEventToo() async throws {
    try await TestDatabase.with { database in
      let policy = try Make.policy(perPerson: .once)
      _ = try await create(policy, in: database)
      let claim = try Make.claim("ann", "2026-07-03", of: policy)
      _ = try await issue(claim, policy, in: database)
      for moment in ["2026-01-01T00:00:00Z", "2026-07-01T12:00:00Z", "2027-01-01T00:00:00Z"] {
        let time = try Make.time(moment)
        let view = try await PolicySQL.person(
          Make.user("ann"), of: policy.id, around: time, in: database.pool, deadline: database.deadline)
        #expect(view?.coupon(on: try Make.day("2027-01-01"))?.claim == claim)
      }
    }
  }

  @Test func theLatestCoupon() async throws {
    try await TestDatabase.with { database in
      let policy = try Make.policy(perPerson: .daily)
      _ = try await create(policy, in: database)
      let read = { @LoopActor (name: String, id: Int) async throws in
        try await PolicySQL.latestCoupon(
          of: Make.user(name), in: Make.id(id), pool: database.pool, deadline: database.deadline)
      }
      #expect(try await read("ann", 2) == .noSuchPolicy)
      #expect(try await read("ann", 1) == LatestCoupon.none)
      for (event, day) in ["2026-07-02", "2026-07-05", "2026-07-03"].enumerated() {
        _ = try await issue(Make.claim("ann", day, of: policy, event: UInt64(event)), policy, in: database)
      }
      guard case .coupon(let coupon) = try await read("ann", 1) else {
        Issue.record("a coupon")
        return
      }
      #expect(coupon.claim.day.description == "2026-07-05")
    }
  }

  @Test func theOtherStrategiesHaveTheirStatements() async throws {
    try await TestDatabase.with { database in
      let policy = try Make.policy(quota: 2)
      _ = try await create(policy, in: database)
      let (day, people) = (policy.startsOn, ["ann", "bob", "cid"])
      let claims = try people.enumerated().map { try Make.claim($1, of: policy, event: UInt64($0 + 10)) }
      let slots = try await database.commit(
        claims.map { IssuanceSQL.takeSlotAndRecord($0, of: policy) })
      #expect(slots.map { $0.count == 0 ? nil : $0.int(0, 0) } == [1, 2, nil])
      #expect(try await database.count("coupon") == 2)
      #expect(try await database.count("coupon_event") == 3)
      let third = Coupon(claim: claims[2], rank: 3)
      let swaps = try await database.commit([
        IssuanceSQL.record(third, of: policy, from: 7, to: 8),
        IssuanceSQL.record(third, of: policy, from: 2, to: 3),
        IssuanceSQL.advisoryLock(day, of: policy.id), IssuanceSQL.read(day, of: policy.id),
        IssuanceSQL.find(claims[2].userID, on: day, of: policy),
      ])
      #expect(swaps[0].count == 0 && swaps[1].count == 1 && swaps[3].int(0, 0) == 3)
      #expect(try IssuanceSQL.coupon(swaps[4]) == third)
    }
  }
}
