import CouponAPI
import CouponDatabase
import CouponDomain
import CouponStore
import EventLoop
import Kafka
import Operations
import Programs
import Redis
import Text

/// The coupons where Redis decides, as in the origin article: a slot in Redis' set is a coupon as soon as its claim is
/// delivered to the log; the worker inserts what it reads.
///
///     holder 200, closed 403 ─▶ Redis: full 409 · member 200 · admitted ─▶ publish ─▶ delivery report: 201
///                                                                            └ error: 503, and the rollback
///
/// Nobody decides twice, so nothing finds out where Redis' set and the log part: that is what the experiments show. The
/// log is read here for policies and for the coupons that people hold.
@LoopActor
final class RedisCouponService: CouponEngine {
  private var list: CouponList
  private var holders = Holders()
  private var claims: ClaimsUnderWay
  private var calendar = PolicyCalendar()
  private var eventIDs = EventIDSource()
  private var waiting = 0
  private var keysWithExpiry: Set<String> = []
  /// Where each policy's latest day has its set, and the policy its place in the log.
  private var places: [PolicyID: (day: Day, key: String, route: LogRoute)] = [:]
  private var ownClaims: OwnClaims
  private let key: CouponKey
  private let keyPrefix: String
  private let capacity: Int
  private let admission: any RedisAdmission
  private let rollback: Rollback
  private let redis: RedisClient
  private let publisher: LogPublisher
  private let policies: PolicyCreator
  private let archive: EventArchive
  private let log: Log
  private let partitionCount: Int
  private let rollbacks: Counter

  var outsideTrouble: @LoopActor () -> [String] = { [] }
  var hearsOfDeliveries: Bool { true }

  struct Parts {
    let key: CouponKey
    let keyPrefix: String
    let partitions: Int
    let capacity: Int
    let redis: RedisClient
    let publisher: LogPublisher
    let archive: EventArchive
  }

  init(
    _ parts: Parts, _ admission: any RedisAdmission, _ rollback: Rollback, _ context: ProgramContext
  ) {
    (key, keyPrefix, partitionCount) = (parts.key, parts.keyPrefix, parts.partitions)
    (capacity, redis, publisher, archive) = (parts.capacity, parts.redis, parts.publisher, parts.archive)
    (self.admission, self.rollback, log) = (admission, rollback, context.log)
    claims = ClaimsUnderWay()
    ownClaims = OwnClaims(partitions: parts.partitions)
    list = CouponList(
      partitions: parts.partitions, ledger: LogLedger(key: parts.key, partitions: parts.partitions))
    policies = PolicyCreator(key: parts.key, publisher: parts.publisher, partitions: parts.partitions)
    rollbacks = context.metrics.counter(
      "coupon_gate_removals_total", help: "SREM sent for claims that were not sent.")
    context.metrics.gauge("coupon_waiting_requests", help: "Requests between gate and answer.") {
      Double(self.waiting)
    }
  }

  /// Where this process is told to end itself; for experiments.
  var crash: CrashSwitch?

  func start() { admission.start() }
  func stop() { admission.stop() }

  // MARK: - Issuing

  func issue(_ request: IssueRequest) -> Reply<IssueAnswer> {
    guard isReady(request.policyID) else { return .now(.trouble(.unavailable(reason: Reason.catchingUp))) }
    guard let policy = list.policy(request.policyID) else { return .now(.noSuchPolicy) }
    guard let window = try? calendar.window(of: policy, at: request.time) else {
      return .now(.trouble(.unavailable(reason: Reason.unknownZone)))
    }
    if let held = holders.coupon(of: request.userID, on: window.day, policy) { return .now(.existing(held)) }
    if case .closed(let next) = policy.hours(at: request.time, in: window) {
      return .now(.notOpen(next: next))
    }
    guard waiting < capacity else { return .now(.trouble(.unavailable(reason: Reason.waitingRoomFull))) }
    return .later { await self.decide(request, policy, window) }
  }

  private func decide(_ request: IssueRequest, _ policy: Policy, _ window: DayWindow) async -> IssueAnswer {
    waiting += 1
    defer { waiting -= 1 }
    let place = place(of: policy.id, on: window.day)
    let slot = SlotRequest(
      key: place.key, userID: request.userID, quota: policy.dailyQuota, deadline: request.deadline)
    switch await admission.decide(slot) {
    case .full: return .soldOut
    case .notAsked: return .trouble(.unavailable(reason: Reason.gateUnavailable))
    case .unknown: return .trouble(.outcomeUnknown(reason: Reason.gateUnanswered))
    case .member: return await answer(member: request, policy, window.day)
    case .admitted:
      crash?.reach(.apiAfterGate)
      setExpiry(of: slot.key, policy, window)
      return await publish(request, policy, window.day, slot)
    }
  }

  /// Somebody who has a slot already: the coupon is read back, or on its way, or nobody knows of it.
  private func answer(member request: IssueRequest, _ policy: Policy, _ day: Day) async -> IssueAnswer {
    if let held = holders.coupon(of: request.userID, on: day, policy) { return .existing(held) }
    let person = PersonPeriod(policy.id, request.userID, policy.period(of: day))
    guard let answer = await claims.join(person, until: request.deadline) else {
      return .trouble(.outcomeUnknown(reason: Reason.logLate))
    }
    if case .created(let coupon) = answer { return .existing(coupon) }
    return answer
  }

  private func publish(
    _ request: IssueRequest, _ policy: Policy, _ day: Day, _ slot: SlotRequest
  ) async -> IssueAnswer {
    let claim = CouponClaim(
      eventID: eventIDs.next(), couponID: key.couponID(of: request.userID, on: day, policy),
      policyID: policy.id, userID: request.userID, day: day, issuedAt: request.time)
    let route = place(of: policy.id, on: day).route
    let person = PersonPeriod(policy.id, request.userID, policy.period(of: day))
    let ticket = claims.begin(claim, person, slot.key)
    let bytes = LogCodec.encode(claim)
    if !publisher.publish(bytes, at: route, ticket: ticket, traceparent: request.traceparent) {
      deliveryFailed(ticket, .notPersisted)
      return .trouble(.unavailable(reason: Reason.logUnavailable))
    }
    ownClaims.add(claim, bytes, partition: route.partition)
    // After the deadline the report still comes, and the slot is kept or given back then.
    return await claims.answer(to: ticket, until: request.deadline)
      ?? .trouble(.outcomeUnknown(reason: Reason.logUnanswered))
  }

  func delivered(_ ticket: PublishTicket) {
    crash?.reach(.apiAfterPublish)
    let ended = claims.end(ticket) { .created(Coupon(claim: $0, rank: nil)) }
    if let ended { hold(ended.claim) }
  }

  func deliveryFailed(_ ticket: PublishTicket, _ problem: DeliveryProblem) {
    if policies.deliveryFailed(ticket, problem) { return }
    ownClaims.forget()
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
    redis.transaction(
      deadline: .now + .seconds(2),
      write: { $0.command("SREM", ended.key, ended.claim.userID.description) }, completion: { _ in })
  }

  private func place(of id: PolicyID, on day: Day) -> (day: Day, key: String, route: LogRoute) {
    if let known = places[id], known.day == day { return known }
    let route = places[id]?.route ?? LogRoute(of: id, partitions: partitionCount)
    let place = (day, Names.issuedUsers(of: id, on: day, prefix: keyPrefix), route)
    places[id] = place
    return place
  }

  /// Once a key and process; some days after the event's last one.
  private func setExpiry(of key: String, _ policy: Policy, _ window: DayWindow) {
    guard keysWithExpiry.insert(key).inserted else { return }
    let days = Int64(policy.endsOn.number) - Int64(window.day.number) + 2
    let seconds = window.endsAt.microseconds / 1_000_000 + days * 86_400
    redis.transaction(
      deadline: .now + .seconds(2), write: { $0.command("EXPIREAT", key, String(seconds)) },
      completion: { _ in })
  }

  // MARK: - The log

  func mustReach(_ offset: Int64, in partition: Int) { list.mustReach(offset, in: partition) }

  func stop(_ partition: Int, _ problem: LogProblem) {
    list.stop(partition, problem)
    log.error("a partition stopped", ["partition": partition, "reason": problem.explanation])
  }

  func take(_ messages: [KafkaMessage]) {
    for message in messages {
      let record = ownClaims.record(message.value, partition: Int(message.partition))
      let outcome = list.take(record, partition: Int(message.partition), offset: message.offset)
      switch outcome {
      case .issued(let coupon): hold(coupon.claim)
      // The list keeps to the quota; here Redis has decided otherwise.
      case .dropped(let claim, _): hold(claim)
      case .policyCreated(let created): policies.saw(created, first: nil)
      case .duplicatePolicy(let created):
        policies.saw(created, first: list.policy(created.policy.id))
      case .deadLetter, .stop, nil: break
      }
    }
  }

  private func hold(_ claim: CouponClaim) {
    if let policy = list.policy(claim.policyID) { holders.take(claim, of: policy) }
  }

  private func isReady(_ policy: PolicyID) -> Bool {
    list.standing(of: Int(LogLedger.partition(of: policy, of: partitionCount))) == .ready
  }

  // MARK: - Reading

  func readiness() -> ServiceReadiness {
    let standings = (0..<partitionCount).map { list.standing(of: $0) }.filter { $0 != .ready }
    var reasons = outsideTrouble()
    if standings.contains(.catchingUp) { reasons.append("reading the log") }
    if standings.contains(where: { $0 != .catchingUp }) { reasons.append("the log cannot be read on") }
    return ServiceReadiness(reasons: reasons)
  }

  func status(of policy: PolicyID, at time: Timestamp, deadline: Instant) -> Reply<PolicyAnswer> {
    guard isReady(policy) else { return .now(.trouble(.unavailable(reason: Reason.catchingUp))) }
    guard let known = list.policy(policy) else { return .now(.noSuchPolicy) }
    guard let window = try? calendar.window(of: known, at: time) else {
      return .now(.trouble(.unavailable(reason: Reason.unknownZone)))
    }
    return .now(.policy(known, window: window, issued: holders.issued(on: window.day, in: policy)))
  }

  func latestCoupon(of user: UserID, in policy: PolicyID, deadline: Instant) -> Reply<CouponAnswer> {
    guard isReady(policy) else { return .now(.trouble(.unavailable(reason: Reason.catchingUp))) }
    guard list.policy(policy) != nil else { return .now(.noSuchPolicy) }
    return .now(holders.latestCoupon(of: user, in: policy).map { .coupon($0) } ?? CouponAnswer.none)
  }

  func events(of policy: PolicyID, after: Int64, limit: Int, deadline: Instant) async -> EventsAnswer {
    let answer = await archive.events(of: policy, after: after, limit: limit, deadline: deadline)
    if case .events(let events) = answer, events.isEmpty, list.policy(policy) == nil { return .noSuchPolicy }
    return answer
  }

  func create(_ draft: PolicyDraft, deadline: Instant) async -> CreateAnswer {
    await policies.create(
      draft, deadline: deadline, eventID: { self.eventIDs.next() },
      view: PolicyCreator.View(
        isReady: {
          draft.id.map { self.isReady($0) }
            ?? (0..<self.partitionCount).allSatisfy { self.list.standing(of: $0) == .ready }
        }, find: { self.list.policy($0) }, policies: { self.list.policies }))
  }
}
