import TestSupport
import CouponDomain
import Testing
import Text

/// Random crowds over several days: whatever the order, the three requirements hold.
@Suite(.limited) struct InvariantTests {
  @Test(arguments: 0..<300)
  func neverMoreThanTheQuotaAndOneAPerson(_ seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let perPerson = try #require(PerPerson.allCases.randomElement(using: &random))
    let quota = Int.random(in: 1...8, using: &random)
    let policy = try Make.policy(quota: quota, perPerson: perPerson)
    let people = try (1...Int.random(in: 1...20, using: &random)).map { try Make.user("p\($0)") }
    var ledger = PolicyLedger(policy)
    var winners: [Coupon] = []

    for event in 1...300 {
      let user = try #require(people.randomElement(using: &random))
      let day = policy.startsOn.advanced(by: Int.random(in: 0..<7, using: &random))
      let hours = Int.random(in: 0..<10, using: &random) == 0 ? Hours.closed(next: nil) : .open
      let claim = try Make.claim(user, day, event: UInt64(event))
      let before = ledger.state(of: user, on: day)
      switch ledger.apply(claim, hours: hours) {
      case .issued(let coupon):
        #expect(coupon.claim == claim && hours == .open && before.held == nil)
        winners.append(coupon)
      case .refused(.alreadyIssued(let coupon)):
        #expect(coupon == before.held && winners.contains(coupon))
      case .refused(.notOpen):
        #expect(hours != .open && before.held == nil)
      case .refused(.soldOut):
        #expect(before.issued == quota && before.held == nil)
      }
    }
    check(winners, against: ledger, policy)
  }

  private func check(_ winners: [Coupon], against ledger: PolicyLedger, _ policy: Policy) {
    for (day, coupons) in Dictionary(grouping: winners, by: \.claim.day) {
      #expect(coupons.count <= policy.dailyQuota)
      #expect(coupons.map(\.rank) == (1...coupons.count).map(Optional.init))
      #expect(ledger.issued(on: day) == coupons.count)
      #expect(ledger.coupons(on: day) == coupons)
      var walked: [Coupon] = []
      var place: Int? = 0
      while let from = place {
        let slice = ledger.coupons(on: day, from: from, lookingAt: 3)
        #expect(slice.found.count <= 3)
        walked += slice.found
        place = slice.next
      }
      #expect(walked == coupons)
    }
    let periods = winners.map { "\($0.claim.userID) \(policy.period(of: $0.claim.day))" }
    #expect(Set(periods).count == winners.count)
  }

  /// The same claims decide the same way, however often the fold is cut and seeded anew (as the worker does).
  @Test(arguments: 0..<100)
  func aSeededFoldDecidesLikeAWholeOne(_ seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let policy = try Make.policy(quota: 5, perPerson: seed % 2 == 0 ? .once : .daily)
    let claims = try (1...200).map { event in
      try Make.claim(
        Make.user("p\(Int.random(in: 0..<30, using: &random))"),
        policy.startsOn.advanced(by: Int.random(in: 0..<7, using: &random)), event: UInt64(event))
    }
    var whole = PolicyLedger(policy)
    let expected = claims.map { whole.apply($0) }

    var stored: [Coupon] = []
    var decisions: [Decision] = []
    var rest = claims[...]
    while !rest.isEmpty {
      let batch = rest.prefix(Int.random(in: 1...20, using: &random))
      rest = rest.dropFirst(batch.count)
      var ledger = PolicyLedger(policy)
      for day in Set(batch.map(\.day)) { ledger.seed(issued: stored.count { $0.claim.day == day }, on: day) }
      let people = Set(batch.map(\.userID))
      for coupon in stored where people.contains(coupon.claim.userID) { ledger.seed(coupon) }
      for claim in batch {
        let decision = ledger.apply(claim)
        if case .issued(let coupon) = decision { stored.append(coupon) }
        decisions.append(decision)
      }
    }
    #expect(decisions == expected)
  }
}
