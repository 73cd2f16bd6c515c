import CouponLog
import CouponDomain
import CouponStore
import TestSupport
import Testing
import Text

@Suite(.limited) struct CouponListTests {
  private var list = CouponList(partitions: 1, ledger: Sample.ledger)
  private let policy = Sample.policy()

  private mutating func take(_ record: ReadEntry, at offset: Int64) -> LogOutcome? {
    list.take(record, partition: 0, offset: offset)
  }

  private mutating func claim(_ event: UInt64, _ name: String, on day: Day = Sample.day, at offset: Int64)
    -> LogOutcome?
  {
    take(.success(.claim(Sample.claim(event, name, on: day))), at: offset)
  }

  @Test mutating func itIsReadyWhenItHasReadWhatWasThereAtTheStart() {
    #expect(list.standing(of: 0) == .catchingUp)
    list.mustReach(2, in: 0)
    _ = take(Sample.created(), at: 0)
    #expect(list.standing(of: 0) == .catchingUp)
    _ = claim(1, "a", at: 1)
    #expect(list.standing(of: 0) == .ready)
  }

  @Test mutating func afterAGapItIsNeverReadyAgain() {
    list.mustReach(0, in: 0)
    _ = take(Sample.created(), at: 0)
    #expect(claim(1, "a", at: 2) == nil)
    #expect(list.standing(of: 0) == .stopped(.gap(expected: 1, found: 2)))
    #expect(claim(1, "a", at: 1) == nil)
    #expect(list.nextOffset(of: 0) == 1)
  }

  @Test mutating func whatIsUnknownStopsIt() {
    list.mustReach(0, in: 0)
    #expect(take(.failure(.unknown(reason: "version 2")), at: 0) == nil)
    #expect(list.standing(of: 0) == .stopped(.unknownEvent(offset: 0, reason: "version 2")))
  }

  @Test mutating func anotherKeyStopsIt() throws {
    let other = try #require(CouponKey("a different key altogether"))
    let created = PolicyCreated(eventID: EventID(high: 1, low: 1), policy: policy, key: other)
    #expect(take(.success(.policyCreated(created)), at: 0) == nil)
  }

  @Test mutating func poisonIsReadOver() {
    #expect(take(.failure(.poison(reason: "no JSON")), at: 0) == .deadLetter(reason: "no JSON"))
    #expect(list.nextOffset(of: 0) == 1)
  }

  @Test mutating func winnersHaveTheirRanksInLogOrder() {
    _ = take(Sample.created(), at: 0)
    _ = claim(1, "b", at: 1)
    _ = claim(2, "a", at: 2)
    _ = claim(3, "b", at: 3)
    _ = claim(4, "c", at: 4)
    let winners = list.winners(on: Sample.day, in: policy.id, from: 0, lookingAt: 10).winners
    #expect(winners == [Sample.user("b"), Sample.user("a")])
    #expect(list.isFull(on: Sample.day, in: policy.id))
    #expect(list.refusal(of: Sample.user("c"), on: Sample.day, hours: .open, in: policy.id) == .soldOut)
    let held = list.coupon(of: Sample.user("a"), on: Sample.day, in: policy.id)
    #expect(held?.rank == 2)
  }

  /// See decision 5: under `once` yesterday's winner is no winner of today, and a ghost in today's set.
  @Test mutating func aWinnerOfYesterdayIsNoneOfToday() {
    _ = take(Sample.created(), at: 0)
    _ = claim(1, "a", at: 1)
    #expect(list.isWinner(Sample.user("a"), on: Sample.day, in: policy.id))
    #expect(!list.isWinner(Sample.user("a"), on: Sample.nextDay, in: policy.id))
    #expect(list.coupon(of: Sample.user("a"), on: Sample.nextDay, in: policy.id) != nil)
  }
}
