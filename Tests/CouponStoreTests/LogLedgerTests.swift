import TestSupport
import CouponDomain
import CouponStore
import Testing
import Text

@Suite(.limited) struct LogLedgerTests {
  /// Odd policies lie in partition 1, even ones in partition 0.
  private func ledger(_ policies: Policy...) throws -> LogLedger {
    var ledger = LogLedger(key: try Make.key()) { $0.value % 2 }
    for policy in policies { ledger.seed(policy) }
    return ledger
  }

  private func created(_ policy: Policy, event: UInt64 = 1, key: CouponKey? = nil) throws -> PolicyCreated {
    PolicyCreated(eventID: EventID(high: 9, low: event), policy: policy, key: try key ?? Make.key())
  }

  @Test func aPolicyThenItsCoupons() throws {
    var ledger = try ledger()
    let policy = try Make.policy(quota: 1)
    let event = try created(policy)
    #expect(ledger.apply(LogCodec.encode(event), partition: 1) == .policyCreated(event))
    let claim = try Make.claim("ann", of: policy)
    #expect(ledger.apply(LogCodec.encode(claim), partition: 1) == .issued(Coupon(claim: claim, rank: 1)))
    let late = try Make.claim("bob", of: policy, event: 2)
    #expect(ledger.apply(LogCodec.encode(late), partition: 1) == .dropped(late, .soldOut))
    let again = try Make.claim("ann", of: policy, event: 3)
    let held = Coupon(claim: claim, rank: 1)
    #expect(ledger.apply(LogCodec.encode(again), partition: 1) == .dropped(again, .alreadyIssued(held)))
    #expect(ledger.policies == [policy])
    #expect(ledger[policy.id]?.issued(on: claim.day) == 1)
  }

  /// It is room that is made, not a bound.
  @Test func aLedgerHoldsMoreThanItExpects() throws {
    let policy = try Make.policy(quota: 50)
    var ledger = try ledger(policy).expecting { _ in 2 }
    ledger.seed(policy)
    for number in 1...60 {
      let claim = try Make.claim("p\(number)", of: policy, event: UInt64(number))
      let outcome = ledger.apply(.claim(claim), partition: 1)
      #expect(
        outcome == (number <= 50 ? .issued(Coupon(claim: claim, rank: number)) : .dropped(claim, .soldOut)))
    }
  }

  @Test func theFirstPolicyOfAnIDCounts() throws {
    var ledger = try ledger()
    let first = try created(Make.policy(name: "first"))
    let second = try created(Make.policy(name: "second", quota: 9), event: 2)
    #expect(ledger.apply(.policyCreated(first), partition: 1) == .policyCreated(first))
    #expect(ledger.apply(.policyCreated(second), partition: 1) == .duplicatePolicy(second))
    #expect(ledger.policies.map(\.name) == ["first"])
  }

  @Test func anotherKeyStopsTheReader() throws {
    var ledger = try ledger()
    let other = try Make.key("another secret of the tests")
    let outcome = ledger.apply(.policyCreated(try created(Make.policy(), key: other)), partition: 1)
    #expect(outcome == .stop(reason: "the log was written with another COUPON_KEY"))
    #expect(ledger.policies.isEmpty)
  }

  @Test func whatIsNobodysIsADeadLetter() throws {
    let policy = try Make.policy()
    var ledger = try ledger(policy)
    let stranger = try Make.policy(3)
    let cases: [(CouponClaim, Int32, String)] = [
      (try Make.claim("ann", of: stranger), 1, "unknown policy"),
      (try Make.claim("ann", of: policy), 0, "not the partition of its policy"),
      (try Make.claim("ann", "2026-06-30", of: policy), 1, "a day outside the event"),
      (try Make.claim("ann", "2026-07-08", of: policy), 1, "a day outside the event"),
      (
        try Make.claim("ann", of: policy, key: Make.key("another secret of the tests")), 1,
        "not the coupon id of person and period"
      ),
    ]
    for (claim, partition, reason) in cases {
      #expect(ledger.apply(.claim(claim), partition: partition) == .deadLetter(reason: reason))
      #expect(ledger.objection(to: claim, partition: partition) == reason)
    }
    let misplaced = try created(Make.policy(3))
    #expect(
      ledger.apply(.policyCreated(misplaced), partition: 0)
        == .deadLetter(reason: "not the partition of its policy"))
    #expect(ledger.apply([], partition: 1) == .deadLetter(reason: "not a JSON object"))
    #expect(try ledger[policy.id]?.issued(on: Make.day("2026-07-01")) == 0)
    for day in ["2026-07-01", "2026-07-07"] {
      #expect(ledger.objection(to: try Make.claim("ann", day, of: policy), partition: 1) == nil)
    }
  }

  @Test func aNewerMessageStopsTheReader() throws {
    var ledger = try ledger()
    let message = Array(#"{"type":"CouponIssued","version":2}"#.utf8)
    guard case .stop = ledger.apply(message, partition: 0) else {
      Issue.record("a version that nobody knows")
      return
    }
  }

  @Test func aBatchGoesOnWhereTheDatabaseStands() throws {
    let policy = try Make.policy(quota: 7)
    var ledger = try ledger(policy)
    let held = Coupon(claim: try Make.claim("ann", of: policy), rank: 2)
    ledger.seed(issued: 5, on: held.claim.day, of: policy.id)
    ledger.seed(held)
    let again = try Make.claim("ann", of: policy, event: 8)
    #expect(ledger.apply(.claim(again), partition: 1) == .dropped(again, .alreadyIssued(held)))
    let claim = try Make.claim("bob", of: policy, event: 9)
    #expect(ledger.apply(.claim(claim), partition: 1) == .issued(Coupon(claim: claim, rank: 6)))
    ledger.seed(policy)
    #expect(ledger[policy.id]?.issued(on: claim.day) == 6, "a policy that is known keeps its state")
  }
}
