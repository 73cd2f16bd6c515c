import CouponAdmission
import CouponDomain
import TestSupport
import Testing
import Text

/// What a day of a policy held is given back when the day is over: a process lives longer than a policy.
@Suite(.limited) struct PastDayTests {
  private static let days = 1_000
  private static let megabyte = 1 << 20

  @Test func theWaitingRoomForgetsADay() throws {
    let people = (0..<1_500).map { Sample.user("u\($0)") }
    var room = WaitingRoom(capacity: people.count, messageTimeout: .milliseconds(10))
    var used: [Int] = []
    for number in 0..<PastDayTests.days {
      let day = Day(number: Int32(20_000 + number))
      // The first days for real, then with few people: each day's table was once as large as its largest crowd.
      let crowd = number < 200 ? people[...] : people[..<10]
      let now = number * 10_000
      for (caller, user) in crowd.enumerated() {
        let entered = room.enter()
        #expect(entered)
        let visit = Visit(
          caller: CallerID(number * 10_000 + caller), policyID: Sample.policy().id, day: day, userID: user,
          eventID: EventID(high: 1, low: UInt64(caller)), deadline: Sample.at(now + 1_000))
        _ = room.gateAnswered(.admitted, for: visit, refusal: nil, now: Sample.at(now))
      }
      while let next = room.nextSweep, next < Sample.at(now + 9_000) {
        _ = room.sweep(now: Sample.at(now + 9_000))
      }
      #expect(room.isEmpty)
      if number % 100 == 0 || number == PastDayTests.days - 1 { used.append(ResidentMemory.bytes) }
    }
    let growth = used[used.count - 1] - used[0]
    #expect(growth < 2 * PastDayTests.megabyte, "\(growth) bytes stayed after \(PastDayTests.days) days")
  }

  @Test func theListKeepsWhatWasIssuedAndNotWhatWasReserved() throws {
    let id = try #require(PolicyID(1))
    let first = Day(number: 20_000)
    let policy = try Policy(
      id: id, name: "p", startsOn: first, endsOn: first.advanced(by: PastDayTests.days),
      opensAt: #require(TimeOfDay(seconds: 0)), timeZone: "UTC", dailyQuota: 10_000, perPerson: .daily)
    var ledger = PolicyLedger(policy)
    let before = ResidentMemory.bytes
    let people = (0..<10).map { Sample.user("u\($0)") }
    for number in 0..<PastDayTests.days {
      for (index, user) in people.enumerated() {
        let claim = Sample.claim(
          UInt64(number * 100 + index), user.description, on: first.advanced(by: number), policy)
        guard case .issued = ledger.apply(claim) else {
          Issue.record("not issued")
          return
        }
      }
    }
    let growth = ResidentMemory.bytes - before
    #expect(
      growth < 16 * PastDayTests.megabyte, "\(growth) bytes for \(PastDayTests.days * people.count) coupons")
    // Nothing else has changed: every coupon is found, in its order.
    for number in [0, 1, PastDayTests.days - 1] {
      let day = first.advanced(by: number)
      #expect(ledger.coupons(on: day).map { $0.claim.userID } == people)
      #expect(ledger.coupon(of: people[3], on: day)?.rank == 4)
    }
  }
}
