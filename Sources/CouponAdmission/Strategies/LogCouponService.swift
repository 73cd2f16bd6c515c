import CouponLog
import CouponAPI
import CouponDomain
import CouponStore
import EventLoop
import Operations
import Programs
import Redis
import Text

/// The log decides: Redis proposes, and what counts is what is read back.
///
/// A request passes, in this order:
/// 1. `issue`: `CouponList` answers holders (200), closed hours (403) and a full day (409);
/// 2. `admit`: `WaitingRoom` gives a seat, `Gate` asks Redis;
/// 3. `gateAnswered`: `WaitingRoom` says whether to answer, to wait or to publish;
/// 4. `publish`: `LogView` makes the claim and sends it by `LogPublisher`;
/// 5. `took`: `LogFollower` has read the claim back (`Admission` connects the two), and `WaitingRoom` says who is answered;
/// 6. `Callers` answers. `sweep` ends what waits until its deadline.
///
/// The machines (`CouponList`, `WaitingRoom`) decide; this class connects them.
@LoopActor
final class LogCouponService<Server: RedisCalls>: CouponStrategy {
  let view: LogView
  private let gate: Gate<Server>
  private var room: WaitingRoom
  private let callers = Callers()
  private let clock: LoopClock
  private var sweepAlarm: Alarm?
  private var isAnsweringTheRest = false

  init(_ view: LogView, _ gate: Gate<Server>, capacity: Int, clock: LoopClock, _ metrics: Metrics) {
    (self.view, self.gate, self.clock) = (view, gate, clock)
    room = WaitingRoom(capacity: capacity, messageTimeout: LogPublisher.messageTimeout)
    metrics.gauge("coupon_waiting_requests", help: "Requests between gate and answer.") {
      Double(self.room.waiting)
    }
    // The alarm is this service's alone, and gone with it. Weakly held, each reference to it would be counted the long way.
    sweepAlarm = Alarm(clock) { [unowned self] in sweep() }
  }

  // MARK: - The way to the log

  func issue(_ request: IssueRequest, for caller: IssueCaller) -> Reply<IssueAnswer>? {
    let today: PolicyToday
    do throws(PolicyAbsence) {
      today = try view.today(of: request.policyID, at: request.time)
    } catch { return .now(error.answer()) }
    let hours = today.policy.hours(at: request.time, in: today.window)
    switch view.list.refusal(of: request.userID, on: today.day, hours: hours, in: request.policyID) {
    case .alreadyIssued(let coupon): return .now(.existing(coupon))
    case .notOpen(let next): return .now(.notOpen(next: next))
    case .soldOut: return .now(.soldOut)
    case nil: return admit(request, caller, today)
    }
  }

  private func admit(
    _ request: IssueRequest, _ caller: IssueCaller, _ today: PolicyToday
  ) -> Reply<IssueAnswer>? {
    guard room.enter() else { return .now(.trouble(.unavailable(reason: Reason.waitingRoomFull))) }
    let number = callers.next()
    let visit = Visit(
      caller: number, policyID: request.policyID, day: today.day, userID: request.userID,
      eventID: view.nextEventID(), deadline: request.deadline)
    callers.keep(request, caller, today, visit)
    gate.ask(for: visit, today) { self.gateAnswered($0, number) }
    return nil
  }

  private func gateAnswered(_ result: Result<[RedisReply], RedisError>, _ number: CallerID) {
    let caller = callers[number]
    let visit = caller.visit
    let reply = gate.reply(result, caller.today)
    let refusal = view.list.refusal(of: visit.userID, on: visit.day, hours: .open, in: visit.policyID)
    let step = room.gateAnswered(reply, for: visit, refusal: refusal, now: clock.turnTime)
    if step.removesMember { gate.remove(visit.userID, of: visit.policyID, on: visit.day) }
    switch step.next {
    case .answer(let answer): callers.answer(visit.caller, answer)
    case .wait: break
    case .publish(let ticket): publish(caller, ticket)
    }
    planSweep()
  }

  private func publish(_ caller: WaitingCaller, _ ticket: PublishTicket) {
    let (visit, request) = (caller.visit, caller.request)
    let claim = view.claim(
      visit.eventID, of: visit.userID, on: visit.day, caller.today.policy, at: request.time)
    let isSent = view.send(
      claim, at: caller.today.route, ticket: ticket, traceparent: request.traceparent, waiting: room.waiting)
    if !isSent {
      deliveryFailed(ticket, .notPersisted)
    }
  }

  func deliveryFailed(_ ticket: PublishTicket, _ problem: DeliveryProblem) {
    let step = room.deliveryFailed(ticket, problem)
    if let member = step.removesMember {
      gate.remove(member.userID, of: member.policyID, on: member.day)
    }
    answer(step.answers)
  }

  // MARK: - The way back

  func took(_ outcome: LogOutcome) {
    guard case .issued(let coupon) = outcome, !room.isEmpty else { return }
    let claim = coupon.claim
    // Callers wait only for policies that were asked for.
    guard let policy = view.policyAskedFor(claim.policyID) else { return }
    room.issued(coupon, under: policy, dayIsFull: view.list.isFull(on: claim.day, in: claim.policyID))
      .forEach { callers.answer($0.caller, $0.answer) }
    if room.hasMoreAnswers { answerTheRest() }
  }

  private func answer(_ answers: [CallerAnswer]) {
    for answer in answers { callers.answer(answer.caller, answer.answer) }
  }

  /// Thousands may wait for a day to fill: a part of them each turn.
  private func answerTheRest() {
    guard !isAnsweringTheRest else { return }
    isAnsweringTheRest = true
    clock.atNextTurn { [self] in
      isAnsweringTheRest = false
      answer(room.moreAnswers())
      if room.hasMoreAnswers { answerTheRest() }
    }
  }

  /// One alarm for all deadlines. What it waits for may be long settled, so a deadline that comes before moves it
  /// forward; what a sweep has left over comes in the next turn.
  private func planSweep() {
    if let next = room.nextSweep { sweepAlarm?.wake(at: next) }
  }

  private func sweep() {
    answer(room.sweep(now: clock.now))
    planSweep()
  }

  // MARK: - Who holds coupons

  func issued(on day: Day, in policy: PolicyID) -> Int { view.list.issued(on: day, in: policy) }

  func latestCoupon(of user: UserID, in policy: PolicyID) -> Coupon? {
    view.list.latestCoupon(of: user, in: policy)
  }
}
