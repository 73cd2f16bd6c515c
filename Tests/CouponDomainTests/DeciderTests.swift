import TestSupport
import CouponDomain
import Testing
import Text

/// Given what happened, when somebody asks, then what comes of it.
@Suite(.limited) struct DeciderTests {
  private let closed = Hours.closed(next: Timestamp(microseconds: 42))

  private func given(
    _ names: [String], quota: Int = 2, perPerson: PerPerson = .once, on day: String = "2026-07-01"
  )
    throws -> PolicyLedger
  {
    var ledger = PolicyLedger(try Make.policy(quota: quota, perPerson: perPerson))
    for (index, name) in names.enumerated() {
      _ = ledger.apply(try Make.claim(name, day, event: UInt64(index + 1)))
    }
    return ledger
  }

  @Test func theFirstGetsRankOne() throws {
    var ledger = try given([])
    let claim = try Make.claim("ann", "2026-07-01")
    #expect(ledger.apply(claim) == .issued(Coupon(claim: claim, rank: 1)))
    #expect(ledger.issued(on: claim.day) == 1)
  }

  @Test func ranksFollowTheOrder() throws {
    var ledger = try given(["ann"])
    let claim = try Make.claim("bob", "2026-07-01", event: 9)
    #expect(ledger.apply(claim) == .issued(Coupon(claim: claim, rank: 2)))
    let isFull = ledger.isFull(on: claim.day)
    #expect(isFull)
    #expect(try ledger.coupons(on: Make.day("2026-07-01")).map(\.rank) == [1, 2])
  }

  @Test func afterTheQuotaItIsSoldOut() throws {
    var ledger = try given(["ann", "bob"])
    #expect(ledger.apply(try Make.claim("cid", "2026-07-01")) == .refused(.soldOut))
    #expect(try ledger.issued(on: Make.day("2026-07-01")) == 2)
  }

  @Test func aQuotaOfOneHasOneWinner() throws {
    var ledger = try given(["ann"], quota: 1)
    #expect(ledger.apply(try Make.claim("bob", "2026-07-01")) == .refused(.soldOut))
    guard
      case .refused(.alreadyIssued(let coupon)) = ledger.apply(try Make.claim("ann", "2026-07-01", event: 7))
    else { Issue.record("the winner asks again"); return }
    #expect(coupon.rank == 1)
    #expect(coupon.claim.eventID == EventID(high: 0, low: 1), "the winning event's, whoever asks")
  }

  @Test func whatIsRefusedIsSaidWithoutAClaim() throws {
    var ledger = try given(["ann"])
    let (ann, bob, day) = try (
      Make.claim("ann", "2026-07-01"), Make.claim("bob", "2026-07-01"), Make.day("2026-07-01")
    )
    let refusals = [
      ledger.refusal(of: bob.userID, on: day, hours: .open),
      ledger.refusal(of: bob.userID, on: day, hours: closed),
      ledger.refusal(of: ann.userID, on: day, hours: closed),
    ]
    #expect(
      refusals == [
        nil, .notOpen(next: Timestamp(microseconds: 42)), .alreadyIssued(Coupon(claim: ann, rank: 1)),
      ])
  }

  @Test func aSecondEventOfAPersonChangesNothing() throws {
    var ledger = try given(["ann", "ann", "ann"])
    #expect(try ledger.issued(on: Make.day("2026-07-01")) == 1)
    let claim = try Make.claim("bob", "2026-07-01", event: 9)
    #expect(ledger.apply(claim) == .issued(Coupon(claim: claim, rank: 2)))
  }

  @Test func theCouponOneHoldsComesBeforeTheHoursAndTheQuota() throws {
    var ledger = try given(["ann", "bob"])
    guard case .refused(.alreadyIssued) = ledger.apply(try Make.claim("ann", "2026-07-01"), hours: closed)
    else {
      Issue.record("a holder is answered outside the hours and when the day is sold out")
      return
    }
  }

  @Test func theHoursComeBeforeTheQuota() throws {
    var ledger = try given(["ann", "bob"])
    let decision = ledger.apply(try Make.claim("cid", "2026-07-01"), hours: closed)
    #expect(decision == .refused(.notOpen(next: Timestamp(microseconds: 42))))
  }

  @Test func onceMeansOnceInTheWholeEvent() throws {
    var ledger = try given(["ann"], perPerson: .once)
    guard case .refused(.alreadyIssued(let coupon)) = ledger.apply(try Make.claim("ann", "2026-07-02")) else {
      Issue.record("yesterday's winner has the coupon of yesterday")
      return
    }
    #expect(coupon.claim.day.description == "2026-07-01")
    #expect(try ledger.issued(on: Make.day("2026-07-02")) == 0)
  }

  @Test func onceCountsALateEventOfYesterdayBehindOneOfToday() throws {
    var ledger = try given(["ann"], perPerson: .once, on: "2026-07-02")
    guard case .refused(.alreadyIssued) = ledger.apply(try Make.claim("ann", "2026-07-01")) else {
      Issue.record("the order of the log decides, not the order of the days")
      return
    }
    let late = try Make.claim("bob", "2026-07-01", event: 5)
    #expect(ledger.apply(late) == .issued(Coupon(claim: late, rank: 1)))
  }

  @Test func dailyMeansOnceADay() throws {
    var ledger = try given(["ann"], perPerson: .daily)
    let tomorrow = try Make.claim("ann", "2026-07-02", event: 2)
    #expect(ledger.apply(tomorrow) == .issued(Coupon(claim: tomorrow, rank: 1)))
    guard case .refused(.alreadyIssued(let coupon)) = ledger.apply(try Make.claim("ann", "2026-07-02")) else {
      Issue.record("the second of a day")
      return
    }
    #expect(coupon.claim == tomorrow)
    #expect(try ledger.latestCoupon(of: Make.user("ann"))?.claim == tomorrow)
  }

  @Test func eachDayHasItsOwnQuota() throws {
    var ledger = try given(["ann", "bob", "cid"])
    let tomorrow = try Make.claim("cid", "2026-07-02", event: 2)
    #expect(ledger.apply(tomorrow) == .issued(Coupon(claim: tomorrow, rank: 1)))
  }

  @Test func aSeededLedgerGoesOnWhereTheDatabaseStands() throws {
    let day = try Make.day("2026-07-01")
    var ledger = PolicyLedger(try Make.policy(quota: 7))
    ledger.seed(issued: 5, on: day)
    let held = Coupon(claim: try Make.claim("ann", "2026-07-01"), rank: 3)
    ledger.seed(held)
    #expect(ledger.apply(try Make.claim("ann", "2026-07-01", event: 8)) == .refused(.alreadyIssued(held)))
    let ranks = try ["bob", "cid", "dan"].map { name -> Int? in
      guard case .issued(let coupon) = ledger.apply(try Make.claim(name, "2026-07-01")) else { return nil }
      return coupon.rank
    }
    #expect(ranks == [6, 7, nil])
  }

  @Test func evolveIsWhatDecideExpects() throws {
    let state = IssuanceState(policy: try Make.policy(quota: 1), issued: 0, held: nil)
    let claim = try Make.claim("ann", "2026-07-01")
    let coupon = Coupon(claim: claim, rank: 1)
    #expect(decide(claim, hours: .open, state) == .issued(coupon))
    let next = evolve(state, coupon)
    #expect(next.issued == 1 && next.held == coupon)
    #expect(decide(claim, hours: .open, next) == .refused(.alreadyIssued(coupon)))
  }
}
