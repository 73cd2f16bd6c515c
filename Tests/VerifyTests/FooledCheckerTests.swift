import CouponDomain
import History
import LabTestSupport
import TestSupport
import Testing
import Text
import Verify

/// Runs that were once called verified although people were told what is not true.
@Suite(.limited) struct FooledCheckerTests {
  /// A policy for many: 150 of 200 hear a refusal that nothing justifies, the others share what there is.
  private static func crowd(_ architecture: Architecture, told outcome: Outcome) throws -> SyntheticRun {
    var run = try SyntheticRun(architecture)
    run.mapRequests { request, coupon in request.person < 5 ? (request, coupon) : nil }
    for person in 50..<200 {
      run.evidence.histories[0].append(SyntheticRun.request(person, outcome, at: 3_000_000 + person))
    }
    run.mapRequests { ($0, $1) }
    return run
  }

  @Test(arguments: Architecture.allCases, [Outcome.notOpen, .refused])
  func mostPeopleAreTurnedAwayAtAnOpenDoor(architecture: Architecture, outcome: Outcome) throws {
    let run = try Self.crowd(architecture, told: outcome)
    #expect(!Verification(checking: run.evidence).passed)
  }

  @Test(arguments: Architecture.allCases)
  func couponsAreGivenBeforeTheOpening(architecture: Architecture) throws {
    var run = try SyntheticRun(architecture)
    // From eleven to nine in the morning; the policy opens at ten.
    run.moveClock(byMicroseconds: -2 * 3_600_000_000)
    #expect(!Verification(checking: run.evidence).passed)
  }

  @Test(arguments: Architecture.allCases)
  func twoRequestsOfOneCouponAreTold201(architecture: Architecture) throws {
    var run = try SyntheticRun(architecture)
    let coupon = try unwrap(run.evidence.histories[0].coupons.first)
    run.evidence.histories[0].append(
      SyntheticRun.request(0, .created, at: 2_500_000, attempt: 2), coupon: coupon)
    #expect(!Verification(checking: run.evidence).passed)
  }

  @Test func theGroupsOffsetsCannotBeRead() throws {
    var run = try SyntheticRun(.eda)
    run.evidence.log?.committed = nil
    #expect(!Verification(checking: run.evidence).passed)
  }

  @Test func anotherStrategyIsWrittenOverARunThatTheLogDecided() throws {
    var run = try SyntheticRun(.eda)
    run.evidence.strategy = "redis-lua"
    run.evidence.histories[0].run.strategy = "redis-lua"
    // What only the log's order shows: somebody hears "sold out" too early.
    run.mapRequests { request, coupon in
      request.person == 8 ? (SyntheticRun.request(8, .soldOut, at: 1_500_003), nil) : (request, coupon)
    }
    #expect(!Verification(checking: run.evidence).passed)
  }

  @Test func aPersonIsMissing() throws {
    var run = try SyntheticRun(.eda)
    var history = History(run: run.evidence.histories[0].run)
    let old = run.evidence.histories[0]
    for request in old.requests where request.person != 11 {
      history.append(request, coupon: old.coupon(of: request))
    }
    run.evidence.histories = [history]
    #expect(!Verification(checking: run.evidence).passed)
  }
}
