import CouponAdmission
import CouponDomain
import EventLoop
import TestSupport
import Testing
import Text

@Suite(.limited) struct ReconciliationTests {
  private var reconciliation = Reconciliation(patience: .seconds(5))

  private mutating func look(_ members: [String], asked: Int, seen: Int, winners: Set<String> = [])
    -> [String]
  {
    reconciliation.saw(
      members: members.map(Sample.user), askedAt: Sample.at(asked), seenAt: Sample.at(seen)
    ) { winners.contains($0.description) }.map(\.description)
  }

  @Test func fewerMembersThanWinnersMeansThatRedisForgot() {
    #expect(reconciliation.counted(members: 2, winners: 3, quota: 9) == .addWinners)
    #expect(reconciliation.counted(members: 3, winners: 3, quota: 9) == .nothing)
    #expect(reconciliation.counted(members: 9, winners: 9, quota: 9) == .nothing)
    #expect(reconciliation.counted(members: 9, winners: 8, quota: 9) == .lookAtMembers)
  }

  @Test func aRedisThatRefusesWritesIsAskedLessAndLess() {
    var pace = ReconciliationPace()
    var pauses: [Duration] = []
    for _ in 1...7 {
      pace.failedToAdd()
      pace.looked()
      pauses.append(pace.pause)
    }
    #expect(pauses == [2, 4, 8, 16, 30, 30, 30].map { .seconds($0) })
    pace.looked()
    #expect(pace.pause == ReconciliationPace.shortest)
  }

  /// In a cluster: on one node that is full.
  @Test func aSetThatRefusesWritesDoesNotSlowTheOthers() {
    var paces = ReconciliationPaces()
    for _ in 1...5 { paces.looked(at: "full", now: Sample.at(0), hasFailedToAdd: true) }
    paces.looked(at: "other", now: Sample.at(0), hasFailedToAdd: false)
    #expect(paces.isDue("other", now: Sample.at(1)) && paces.isDue("new", now: Sample.at(0)))
    #expect(!paces.isDue("full", now: Sample.at(29_999)) && paces.isDue("full", now: Sample.at(30_000)))
    paces.looked(at: "full", now: Sample.at(30_000), hasFailedToAdd: false)
    #expect(paces.isDue("full", now: Sample.at(30_000)))
  }

  @Test mutating func onlyWhoIsIdleInTwoDistantLooksIsRemoved() {
    #expect(look(["a", "b", "w"], asked: 0, seen: 10, winners: ["w"]).isEmpty)
    // Not yet: the first look was complete at 10.
    #expect(look(["a", "b"], asked: 5_010, seen: 5_011).isEmpty)
    #expect(look(["a", "c", "w"], asked: 5_011, seen: 5_020, winners: ["w"]) == ["a"])
    // The second look is the first of the next.
    #expect(look(["c", "d"], asked: 10_000, seen: 10_001).isEmpty)
    #expect(look(["c", "d"], asked: 10_021, seen: 10_022) == ["c"])
  }

  @Test mutating func whoHasWonBetweenTheLooksStays() {
    #expect(look(["a"], asked: 0, seen: 0).isEmpty)
    #expect(look(["a"], asked: 6_000, seen: 6_001, winners: ["a"]).isEmpty)
  }
}
