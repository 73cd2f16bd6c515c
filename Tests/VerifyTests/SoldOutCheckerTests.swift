import CouponDomain
import TestSupport
import Testing
import Text
import History
import LabTestSupport
import Verify

/// Who may hear "sold out", and when: the checker sees each wrong answer, and lets the right ones next to it pass.
@Suite(.limited) struct SoldOutCheckerTests {
  // MARK: A winner

  @Test(arguments: Architecture.allCases)
  func aWinnerHearsSoldOut(architecture: Architecture) throws {
    var run = try SyntheticRun(architecture)
    var coupon: SeenCoupon?
    run.mapRequests { request, seen in
      guard request.person == 4 else { return (request, seen) }
      coupon = seen
      return (SyntheticRun.request(4, .unknown, at: 2_000_000), nil)
    }
    var right = run
    right.evidence.histories[0].append(
      SyntheticRun.request(4, .existing, at: 3_000_000, attempt: 2), coupon: coupon)
    #expect(Verification(checking: right.evidence).passed)
    run.evidence.histories[0].append(SyntheticRun.request(4, .soldOut, at: 3_000_000, attempt: 2))
    #expect(try run.verdict(.refusedIsNotRecorded).word == "VIOLATED")
    // Where Redis decides, a full set says nothing about who is in it.
    if architecture == .eda {
      #expect(try run.whereRedisDecides().verdict(.refusedIsNotRecorded).passes)
    }
  }

  // MARK: Which day

  private static let dayLong: Int64 = 86_400_000_000

  /// The next day at the same time: five others win, and one person hears "sold out" at `soldOut`.
  private func twoDays(_ architecture: Architecture, from startedAt: Int64, soldOut: Int) throws
    -> SyntheticRun
  {
    var run = try SyntheticRun(architecture)
    let day = run.evidence.policy.startsOn.advanced(by: 1)
    func moment(_ offset: Int64) -> Timestamp {
      Timestamp(microseconds: SyntheticRun.start.microseconds + Self.dayLong + offset)
    }
    for person in 20..<25 {
      let template = try SyntheticRun.claim(person, day: day)
      let claim = CouponClaim(
        eventID: template.eventID, couponID: template.couponID, policyID: template.policyID,
        userID: template.userID, day: day, issuedAt: moment(1_500_000))
      let rank = person - 19
      run.evidence.database.coupons.append(.init(coupon: Coupon(claim: claim, rank: rank), period: day))
      run.evidence.database.events.append(
        .init(sequence: Int64(person), rank: rank, content: .claim(claim), recordedAt: moment(1_900_000)))
      run.evidence.log?.messages.append(
        .init(partition: 0, offset: Int64(person), appendedAt: moment(1_600_000), content: .claim(claim)))
    }
    var facts = run.evidence.histories[0].run
    facts.moveClock(byMicroseconds: startedAt)
    var history = History(run: facts)
    history.append(SyntheticRun.request(30, .soldOut, at: soldOut))
    run.evidence.histories.append(history)
    return run
  }

  @Test(arguments: Architecture.allCases)
  func eachDayFillsForItself(architecture: Architecture) throws {
    let right = try twoDays(architecture, from: Self.dayLong, soldOut: 2_000_000)
    #expect(try right.verdict(.soldOutIsTrue).word == "ok")
    // Yesterday has been full for a day: no reason to say it today.
    let wrong = try twoDays(architecture, from: Self.dayLong, soldOut: 1_000_000)
    #expect(try wrong.verdict(.soldOutIsTrue).word == "VIOLATED")
  }

  /// The run is of eleven in the morning, so midnight is thirteen hours later.
  @Test func aroundMidnightItMayBeEitherDay() throws {
    let beforeMidnight: Int64 = 13 * 3_600_000_000 - 1_000_000
    // Requests take 4 ms. Only who was under way at midnight can have been admitted on either day.
    let right = try twoDays(.eda, from: beforeMidnight, soldOut: 1_002_000)
    #expect(try right.verdict(.soldOutIsTrue).word == "ok")
    for soldOut in [1_006_000, 1_500_000, 4_000_000] {
      let wrong = try twoDays(.eda, from: beforeMidnight, soldOut: soldOut)
      #expect(try wrong.verdict(.soldOutIsTrue).word == "VIOLATED", "\(soldOut)")
    }
  }

  // MARK: Which clock

  @Test(arguments: Architecture.allCases)
  func theServersClockIsMovedToTheProgramsOne(architecture: Architecture) throws {
    let offset: Int64 = 3_600_000_000
    // As it is read: histories and claims by the programs' clock, log and tables by the machine's.
    var right = try SyntheticRun(architecture)
    right.evidence.moveServersClock(byMicroseconds: -offset)
    var wrong = right
    wrong.mapRequests { request, coupon in
      request.person == 8 ? (SyntheticRun.request(8, .soldOut, at: 1_550_000), nil) : (request, coupon)
    }
    right.evidence.moveServersClock(byMicroseconds: offset)
    wrong.evidence.moveServersClock(byMicroseconds: offset)
    #expect(Verification(checking: right.evidence).passed)
    #expect(try wrong.verdict(.soldOutIsTrue).word == "VIOLATED")
  }

  /// Claimed, waiting for the lock: the day is not full before the row is written under it.
  @Test func theMonolithsWinnersCountFromTheirRow() throws {
    var run = try SyntheticRun(.monolith)
    func soldOut(at answered: Int) throws -> Finding {
      run.mapRequests { request, coupon in
        request.person == 8 ? (SyntheticRun.request(8, .soldOut, at: answered), nil) : (request, coupon)
      }
      return try run.verdict(.soldOutIsTrue)
    }
    #expect(try soldOut(at: 1_700_000).word == "VIOLATED")
    #expect(try soldOut(at: 1_950_000).word == "ok")
  }
}
