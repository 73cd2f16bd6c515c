import CouponAdmission
import CouponAPI
import CouponDomain
import EventLoop
import TestSupport
import Testing
import Text

@Suite(.limited) struct WaitingRoomTests {
  private var room = WaitingRoom(capacity: 3, messageTimeout: .milliseconds(3_000))
  private let policy = Sample.policy()

  private mutating func enter(
    _ reply: GateReply, _ visit: Visit, refusal: Refusal? = nil, now: Int = 0
  ) -> GateStep {
    let hasRoom = room.enter()
    precondition(hasRoom)
    return room.gateAnswered(reply, for: visit, refusal: refusal, now: Sample.at(now))
  }

  private func published(_ step: GateStep) -> PublishTicket? {
    if case .publish(let ticket) = step.next { ticket } else { nil }
  }

  private func answers(_ answers: some Sequence<CallerAnswer>) -> [CallerID: IssueAnswer] {
    Dictionary(uniqueKeysWithValues: answers.map { ($0.caller, $0.answer) })
  }

  private func isUnavailable(_ answer: IssueAnswer?) -> Bool {
    if case .trouble(.unavailable)? = answer { true } else { false }
  }

  private func isUnknown(_ answer: IssueAnswer?) -> Bool {
    if case .trouble(.outcomeUnknown)? = answer { true } else { false }
  }

  @Test mutating func theOwnEventIs201AndWhoJoinedHears200() {
    #expect(published(enter(.admitted, Sample.visit(1, "a"))) != nil)
    #expect(published(enter(.member, Sample.visit(2, "a"))) == nil)
    let coupon = Coupon(claim: Sample.claim(1, "a"), rank: 1)
    let heard = answers(room.issued(coupon, under: policy, dayIsFull: false))
    #expect(heard == [1: .created(coupon), 2: .existing(coupon)])
    #expect(room.isEmpty)
  }

  @Test mutating func anotherProcessEventOfThePersonIs200() {
    _ = enter(.admitted, Sample.visit(1, "a"))
    let coupon = Coupon(claim: Sample.claim(77, "a"), rank: 1)
    #expect(answers(room.issued(coupon, under: policy, dayIsFull: false)) == [1: .existing(coupon)])
  }

  @Test mutating func onceInTheEventACouponOfYesterdaySettlesToday() {
    _ = enter(.admitted, Sample.visit(1, "a", on: Sample.nextDay))
    let coupon = Coupon(claim: Sample.claim(5, "a", on: Sample.day), rank: 1)
    #expect(answers(room.issued(coupon, under: policy, dayIsFull: false)) == [1: .existing(coupon)])
  }

  @Test mutating func dailyACouponOfYesterdaySettlesNothing() {
    _ = enter(.admitted, Sample.visit(1, "a", on: Sample.nextDay))
    let coupon = Coupon(claim: Sample.claim(5, "a", on: Sample.day), rank: 1)
    #expect(room.issued(coupon, under: Sample.policy(.daily), dayIsFull: false).isEmpty)
    #expect(room.waiting == 1)
  }

  @Test mutating func aMemberOfNobodyPublishes() {
    #expect(published(enter(.member, Sample.visit(1, "a"))) != nil)
  }

  @Test mutating func withoutRoomOneWaitsForTheFullListAndGivesTheSlotBack() {
    let step = enter(.beyondQuota, Sample.visit(1, "c"))
    #expect(step.removesMember)
    #expect(published(step) == nil)
    let coupon = Coupon(claim: Sample.claim(9, "b"), rank: 2)
    #expect(answers(room.issued(coupon, under: policy, dayIsFull: true)) == [1: .soldOut])
  }

  @Test mutating func theLastWinnerHearsOfTheCouponNotOfTheFullList() {
    _ = enter(.admitted, Sample.visit(1, "a"))
    _ = enter(.beyondQuota, Sample.visit(2, "b"))
    let coupon = Coupon(claim: Sample.claim(1, "a"), rank: 2)
    #expect(
      answers(room.issued(coupon, under: policy, dayIsFull: true)) == [1: .created(coupon), 2: .soldOut])
  }

  @Test mutating func whoWaitedAndGetsRoomPublishes() {
    _ = enter(.beyondQuota, Sample.visit(1, "a"))
    #expect(published(enter(.admitted, Sample.visit(2, "a"))) != nil)
    let coupon = Coupon(claim: Sample.claim(2, "a"), rank: 1)
    let heard = answers(room.issued(coupon, under: policy, dayIsFull: false))
    #expect(heard == [1: .existing(coupon), 2: .created(coupon)])
  }

  @Test mutating func theListIsLookedAtAgainAfterTheGate() {
    let coupon = Coupon(claim: Sample.claim(9, "a"), rank: 1)
    let held = enter(.admitted, Sample.visit(1, "a"), refusal: .alreadyIssued(coupon))
    guard case .answer(.existing(coupon)) = held.next else { return #expect(Bool(false), "\(held)") }
    #expect(!held.removesMember)
    let full = enter(.admitted, Sample.visit(2, "b"), refusal: .soldOut)
    guard case .answer(.soldOut) = full.next else { return #expect(Bool(false), "\(full)") }
    #expect(full.removesMember)
    #expect(room.isEmpty)
  }

  @Test mutating func aTimeoutIsNotANo() {
    guard case .answer(let unknown) = enter(.unknown, Sample.visit(1, "a")).next,
      case .answer(let notAsked) = enter(.notAsked, Sample.visit(2, "a")).next
    else { return #expect(Bool(false), "both are answered at once") }
    #expect(isUnknown(unknown) && isUnavailable(notAsked))
    #expect(room.isEmpty)
  }

  @Test mutating func nothingIsPublishedAfterTheDeadline() {
    let step = enter(.admitted, Sample.visit(1, "a"), now: 2_000)
    guard case .answer(let answer) = step.next else { return #expect(Bool(false), "\(step)") }
    #expect(isUnavailable(answer) && step.removesMember)
    let member = enter(.member, Sample.visit(2, "a"), now: 2_000)
    #expect(!member.removesMember)
  }

  @Test mutating func whatIsNotInTheLogGivesItsSlotBack() throws {
    let ticket = try #require(published(enter(.admitted, Sample.visit(1, "a"))))
    _ = enter(.member, Sample.visit(2, "a"))
    let step = room.deliveryFailed(ticket, .notPersisted)
    #expect(step.removesMember?.userID == Sample.user("a"))
    #expect(step.answers.allSatisfy { isUnavailable($0.answer) } && step.answers.count == 2)
    #expect(room.isEmpty)
  }

  @Test mutating func aSlotOfSomebodyElseIsNotGivenBack() throws {
    let ticket = try #require(published(enter(.member, Sample.visit(1, "a"))))
    #expect(room.deliveryFailed(ticket, .notPersisted).removesMember == nil)
  }

  @Test mutating func whatMayBeInTheLogKeepsItsSlot() throws {
    let ticket = try #require(published(enter(.admitted, Sample.visit(1, "a"))))
    let step = room.deliveryFailed(ticket, .possiblyPersisted)
    #expect(step.removesMember == nil)
    #expect(step.answers.count == 1 && step.answers.allSatisfy { isUnknown($0.answer) })
    // The report of what is over changes nothing, and neither does a second one.
    #expect(room.deliveryFailed(ticket, .notPersisted).removesMember == nil)
  }

  @Test mutating func anOldReportDoesNotReachANewPublishing() throws {
    let old = try #require(published(enter(.admitted, Sample.visit(1, "a"))))
    #expect(room.sweep(now: Sample.at(2_000)).count == 1)
    let new = try #require(published(enter(.member, Sample.visit(2, "a", deadline: 8_000), now: 6_000)))
    #expect(room.deliveryFailed(old, .notPersisted).answers.isEmpty)
    #expect(room.deliveryFailed(new, .possiblyPersisted).answers.count == 1)
  }

  @Test mutating func deadlinesTellWhatWasDone() {
    _ = enter(.admitted, Sample.visit(1, "a", deadline: 2_000))
    _ = enter(.beyondQuota, Sample.visit(2, "b", deadline: 1_000))
    #expect(room.sweep(now: Sample.at(999)).isEmpty)
    #expect(isUnavailable(answers(room.sweep(now: Sample.at(1_000)))[2]))
    #expect(room.nextSweep == Sample.at(2_000))
    #expect(isUnknown(answers(room.sweep(now: Sample.at(2_000)))[1]))
    #expect(room.waiting == 0)
  }

  @Test mutating func anAttemptIsJoinedUntilItsMessageMustHaveBeenReported() {
    _ = enter(.admitted, Sample.visit(1, "a", deadline: 2_000))
    _ = room.sweep(now: Sample.at(2_000))
    #expect(published(enter(.member, Sample.visit(2, "a", deadline: 6_900), now: 4_900)) == nil)
    _ = room.sweep(now: Sample.at(5_000))
    #expect(published(enter(.member, Sample.visit(3, "a", deadline: 7_000), now: 5_000)) != nil)
    // Both hear of the coupon, whoever made it.
    let coupon = Coupon(claim: Sample.claim(3, "a"), rank: 1)
    #expect(room.issued(coupon, under: policy, dayIsFull: false).count == 2)
  }

  @Test mutating func aTurnAnswersABoundedNumber() {
    let count = WaitingRoom.answersATurn + 100
    room = WaitingRoom(capacity: 2 * count, messageTimeout: .milliseconds(3_000))
    for caller in 1...UInt64(count) {
      _ = enter(.beyondQuota, Sample.visit(caller, "p\(caller)", deadline: 1_000))
    }
    #expect(room.sweep(now: Sample.at(1_000)).count == WaitingRoom.answersATurn)
    #expect(room.nextSweep == Sample.at(1_000))
    #expect(room.sweep(now: Sample.at(1_000)).count == count - WaitingRoom.answersATurn)
    #expect(room.waiting == 0)

    for caller in 1...UInt64(count) {
      _ = enter(.beyondQuota, Sample.visit(caller + 10_000, "q\(caller)"), now: 1_000)
    }
    let coupon = Coupon(claim: Sample.claim(9, "b"), rank: 2)
    #expect(
      room.issued(coupon, under: policy, dayIsFull: true).count == WaitingRoom.answersATurn)
    #expect(room.hasMoreAnswers)
    // Whose deadline comes first is told that, once.
    #expect(room.sweep(now: Sample.at(2_000)).count == 100)
    #expect(room.moreAnswers().isEmpty)
    #expect(!room.hasMoreAnswers && room.waiting == 0)
  }

  @Test mutating func onePersonsCallersAreBounded() throws {
    room = WaitingRoom(capacity: 1_000, messageTimeout: .milliseconds(3_000))
    let ticket = try #require(published(enter(.admitted, Sample.visit(1, "a"))))
    for caller in 2...64 as ClosedRange<UInt64> { _ = enter(.member, Sample.visit(caller, "a")) }
    for (caller, reply) in [(65, GateReply.member), (66, .admitted)] as [(CallerID, GateReply)] {
      let step = enter(reply, Sample.visit(caller, "a"))
      guard case .answer(let answer) = step.next else { return #expect(Bool(false), "\(step)") }
      #expect(isUnavailable(answer) && !step.removesMember)
    }
    #expect(room.waiting == 64)
    // Somebody else is not turned away.
    #expect(published(enter(.admitted, Sample.visit(67, "b"))) != nil)
    #expect(room.deliveryFailed(ticket, .possiblyPersisted).answers.count == 64)
  }

  @Test mutating func whoWaitsForAFullListIsBoundedButMayPublish() {
    room = WaitingRoom(capacity: 1_000, messageTimeout: .milliseconds(3_000))
    for caller in 1...64 as ClosedRange<UInt64> { _ = enter(.beyondQuota, Sample.visit(caller, "a")) }
    let step = enter(.beyondQuota, Sample.visit(65, "a"))
    guard case .answer(let answer) = step.next else { return #expect(Bool(false), "\(step)") }
    #expect(isUnavailable(answer) && step.removesMember)
    #expect(published(enter(.admitted, Sample.visit(66, "a"))) != nil)
  }

  @Test mutating func theRoomIsBounded() {
    #expect((0..<4).map { _ in room.enter() } == [true, true, true, false])
  }

  @Test func sADDIsLookedAtFirst() {
    #expect(GateReply(added: false, countBefore: 5, quota: 5) == .member)
    #expect(GateReply(added: true, countBefore: 5, quota: 5) == .beyondQuota)
    #expect(GateReply(added: true, countBefore: 4, quota: 5) == .admitted)
  }
}
