import CouponLog
import CouponAPI
import CouponDatabase
import CouponDomain
import CouponStore
import EventLoop
import Operations
import Programs
import Redis
import Text

/// Redis decides, as in the origin article: a slot in its set is a coupon as soon as the claim is delivered to the log; the
/// worker inserts what it reads.
///
///     holder 200, closed 403 ─▶ Redis: full 409 · member 200 · admitted ─▶ publish ─▶ delivery report: 201
///                                                                            └ error: 503, and the rollback
///
/// Nothing checks the decision, so nothing notices where Redis' set and the log differ: that is what the experiments show.
/// The log is read here for policies and for the coupons that people hold.
@LoopActor
final class RedisCouponService: CouponStrategy {
  let view: LogView
  private let admission: any RedisAdmission
  private let rollback: Rollback
  private let redis: any RedisCalls
  private let clock: LoopClock
  private let capacity: Int
  private var holders = Holders()
  private let claims: ClaimsUnderWay
  private var waiting = 0
  private var keysWithExpiry: Set<String> = []
  private let rollbacks: Counter
  private let expiryTrouble: TroubleLog
  private let slotTrouble: TroubleLog

  init(
    _ view: LogView, _ redis: any RedisCalls, _ admission: any RedisAdmission, _ rollback: Rollback,
    capacity: Int, clock: LoopClock, _ context: ProgramContext
  ) {
    (expiryTrouble, slotTrouble) = (TroubleLog(context.log), TroubleLog(context.log))
    let metrics = context.metrics
    (self.clock, claims) = (clock, ClaimsUnderWay(clock: clock))
    (self.view, self.redis, self.admission) = (view, redis, admission)
    (self.rollback, self.capacity) = (rollback, capacity)
    rollbacks = metrics.counter(
      "coupon_gate_removals_total", help: "SREM sent for claims that were not sent.")
    metrics.gauge("coupon_waiting_requests", help: "Requests between gate and answer.") {
      Double(self.waiting)
    }
  }

  var hearsOfDeliveries: Bool { true }
  func start() { admission.start() }
  func stop() { admission.stop() }

  // MARK: - The way to the log

  func issue(_ request: IssueRequest, for caller: IssueCaller) -> Reply<IssueAnswer>? {
    let today: PolicyToday
    do throws(PolicyAbsence) {
      today = try view.today(of: request.policyID, at: request.time)
    } catch { return .now(error.answer()) }
    let asked = Asked(request, today)
    if let held = holder(asked) { return .now(.existing(held)) }
    if case .closed(let next) = today.policy.hours(at: request.time, in: today.window) {
      return .now(.notOpen(next: next))
    }
    guard waiting < capacity else { return .now(.trouble(.unavailable(reason: Reason.waitingRoomFull))) }
    return .later { await self.decide(asked) }
  }

  /// A request with its policy of the day on which it came: midnight may pass before Redis answers.
  private struct Asked {
    let request: IssueRequest
    let policy: Policy
    let route: LogRoute
    let window: DayWindow
    let key: String

    @LoopActor
    init(_ request: IssueRequest, _ today: PolicyToday) {
      (self.request, policy, route) = (request, today.policy, today.route)
      (window, key) = (today.window, today.set.key)
    }

    var day: Day { window.day }
    var person: PersonPeriod { PersonPeriod(policy.id, request.userID, policy.period(of: day)) }
  }

  private func holder(_ asked: Asked) -> Coupon? {
    holders.coupon(of: asked.request.userID, on: asked.day, asked.policy)
  }

  private func decide(_ asked: Asked) async -> IssueAnswer {
    waiting += 1
    defer { waiting -= 1 }
    let request = asked.request
    let slot = SlotRequest(
      key: asked.key, userID: request.userID, quota: asked.policy.dailyQuota, deadline: request.deadline)
    let decision = await admission.decide(slot)
    note(decision)
    switch decision {
    case .full: return .soldOut
    case .notAsked, .refused: return .trouble(.unavailable(reason: Reason.gateUnavailable))
    case .unknown: return .trouble(.outcomeUnknown(reason: Reason.gateUnanswered))
    case .member: return await answerMember(asked)
    case .admitted:
      setExpiry(asked)
      return await publish(asked)
    }
  }

  /// A right to a command that this way alone needs, for example.
  private func note(_ decision: SlotDecision) {
    switch decision {
    case .refused(let message): slotTrouble.note("Redis refuses to give slots", message)
    case .admitted, .full, .member: slotTrouble.over()
    case .notAsked, .unknown: break
    }
  }

  /// The person has a slot already: the coupon is read back, or on its way, or unknown.
  private func answerMember(_ asked: Asked) async -> IssueAnswer {
    if let held = holder(asked) { return .existing(held) }
    guard let answer = await claims.join(asked.person, until: asked.request.deadline) else {
      return .trouble(.outcomeUnknown(reason: Reason.logLate))
    }
    if case .created(let coupon) = answer { return .existing(coupon) }
    return answer
  }

  private func publish(_ asked: Asked) async -> IssueAnswer {
    let request = asked.request
    let claim = view.claim(
      view.nextEventID(), of: request.userID, on: asked.day, asked.policy, at: request.time)
    let ticket = claims.begin(claim, asked.person, asked.key)
    guard
      view.send(
        claim, at: asked.route, ticket: ticket, traceparent: request.traceparent, waiting: waiting)
    else {
      deliveryFailed(ticket, .notPersisted)
      return .trouble(.unavailable(reason: Reason.logUnavailable))
    }
    // After the deadline the report still comes, and the slot is kept or given back then.
    return await claims.answer(to: ticket, until: request.deadline)
      ?? .trouble(.outcomeUnknown(reason: Reason.logUnanswered))
  }

  func delivered(_ ticket: PublishTicket) {
    let ended = claims.end(ticket) { .created(Coupon(claim: $0, rank: nil)) }
    if let ended { hold(ended.claim) }
  }

  func deliveryFailed(_ ticket: PublishTicket, _ problem: DeliveryProblem) {
    let trouble: ServiceTrouble
    let givesBack: Bool
    switch problem {
    case .notPersisted:
      trouble = .unavailable(reason: Reason.logUnavailable)
      givesBack = rollback != .none
    case .possiblyPersisted:
      trouble = .outcomeUnknown(reason: Reason.logUnanswered)
      givesBack = rollback == .anyError
    }
    guard let ended = claims.end(ticket, with: { _ in .trouble(trouble) }), givesBack else { return }
    rollbacks.increment()
    redis.remove(ended.claim.userID, from: ended.key, clock)
  }

  /// Once a key and process, and again where it was refused.
  private func setExpiry(_ asked: Asked) {
    // Those of days that are over are not worth remembering one by one: to set an expiry twice does no harm.
    if keysWithExpiry.count >= 4_096 { keysWithExpiry = [] }
    guard keysWithExpiry.insert(asked.key).inserted else { return }
    redis.setExpiry(
      of: asked.key, at: DaySet.expiry(of: asked.policy, asked.window), clock,
      refused: { [self] message in
        expiryTrouble.note("sets in Redis have no expiry", message)
        keysWithExpiry.remove(asked.key)
      }, done: { [self] in expiryTrouble.over() })
  }

  // MARK: - The way back

  func took(_ outcome: LogOutcome) {
    switch outcome {
    case .issued(let coupon): hold(coupon.claim)
    // The list keeps to the quota; here Redis has decided otherwise.
    case .dropped(let claim, _): hold(claim)
    case .policyCreated, .duplicatePolicy, .deadLetter, .stop: break
    }
  }

  private func hold(_ claim: CouponClaim) {
    if let policy = view.list.policy(claim.policyID) { holders.take(claim, of: policy) }
  }

  // MARK: - Who holds coupons

  func issued(on day: Day, in policy: PolicyID) -> Int { holders.issued(on: day, in: policy) }

  func latestCoupon(of user: UserID, in policy: PolicyID) -> Coupon? {
    holders.latestCoupon(of: user, in: policy)
  }
}
