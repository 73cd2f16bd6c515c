package import CouponAPI
package import CouponDomain
import CouponStore
package import EventLoop
import Kafka
import Operations

/// The coupons of the event-driven version: Redis proposes, the log decides, this process' list says what it decided.
///
///     list ─(holder 200, closed 403, full 409)─▶ gate ─▶ publish ─▶ … the log … ─▶ list ─▶ whoever waits
///
/// What is decided where is in the machines (`CouponList`, `WaitingRoom`); here are the wires between them.
@LoopActor
package final class LogCouponService: CouponService {
  private var list: CouponList
  private var room: WaitingRoom
  private var calendar = PolicyCalendar()
  private var eventIDs = EventIDSource()
  private let callers = Callers()
  private let key: CouponKey
  private let gate: Gate
  private let publisher: LogPublisher
  private let policies: PolicyCreator
  private let archive: EventArchive
  private let log: Log
  private let partitionCount: Int
  private var partitions: [PolicyID: Int] = [:]
  private var sweepTimer: LoopTimer?
  private let deadLetters: Counter

  /// Why requests cannot be answered, beyond what the list knows.
  var outsideTrouble: @LoopActor () -> [String] = { [] }

  init(
    key: CouponKey, partitions: Int, capacity: Int, gate: Gate, publisher: LogPublisher,
    archive: EventArchive,
    context: ProgramContext
  ) {
    (self.key, partitionCount, self.gate) = (key, partitions, gate)
    (self.publisher, self.archive, log) = (publisher, archive, context.log)
    list = CouponList(partitions: partitions, ledger: LogLedger(key: key, partitions: partitions))
    room = WaitingRoom(capacity: capacity, messageTimeout: LogPublisher.messageTimeout)
    policies = PolicyCreator(key: key, publisher: publisher)
    deadLetters = context.metrics.counter(
      "coupon_log_dead_letters_total", help: "Messages of the log that are nobody's.")
    let metrics = context.metrics
    metrics.gauge("coupon_waiting_requests", help: "Requests between gate and answer.") {
      Double(self.room.waiting)
    }
    metrics.counter("coupon_log_read_total", help: "Messages of the log that this process has read.") {
      Double((0..<partitions).reduce(0) { $0 + self.list.nextOffset(of: $1) })
    }
  }

  // MARK: - Issuing

  package func issue(_ request: IssueRequest) -> Reply<IssueAnswer> {
    let partition = partition(of: request.policyID)
    guard list.standing(of: partition) == .ready else {
      return .now(.trouble(.unavailable(reason: Reason.catchingUp)))
    }
    guard let policy = list.policy(request.policyID) else { return .now(.noSuchPolicy) }
    guard let window = try? calendar.window(of: policy, at: request.time) else {
      return .now(.trouble(.unavailable(reason: Reason.unknownZone)))
    }
    let hours = policy.hours(at: request.time, in: window)
    switch list.refusal(of: request.userID, on: window.day, hours: hours, in: policy.id) {
    case .alreadyIssued(let coupon): return .now(.existing(coupon))
    case .notOpen(let next): return .now(.notOpen(next: next))
    case .soldOut: return .now(.soldOut)
    case nil: return admit(request, policy, on: window.day)
    }
  }

  private func admit(_ request: IssueRequest, _ policy: Policy, on day: Day) -> Reply<IssueAnswer> {
    guard room.enter() else { return .now(.trouble(.unavailable(reason: Reason.waitingRoomFull))) }
    let completion = Completion<IssueAnswer>()
    let visit = Visit(
      caller: callers.add(completion), policyID: policy.id, day: day, userID: request.userID,
      eventID: eventIDs.next(), deadline: request.deadline)
    let set = Gate.SetName(policyID: policy.id, day: day)
    gate.ask(set, for: visit.userID, quota: policy.dailyQuota, deadline: visit.deadline) { reply in
      self.gateAnswered(reply, visit, request, policy)
    }
    return .later {
      // It is only ever resolved with an answer.
      (try? await completion.value()) ?? .trouble(.outcomeUnknown(reason: Reason.logLate))
    }
  }

  private func gateAnswered(_ reply: GateReply, _ visit: Visit, _ request: IssueRequest, _ policy: Policy) {
    let refusal = list.refusal(of: visit.userID, on: visit.day, hours: .open, in: visit.policyID)
    let step = room.gateAnswered(reply, for: visit, refusal: refusal, now: .now)
    if step.removesMember { gate.remove(visit.userID, from: visit.set) }
    switch step.next {
    case .answer(let answer): callers.answer(visit.caller, answer)
    case .wait: break
    case .publish(let ticket):
      let claim = CouponClaim(
        eventID: visit.eventID, couponID: key.couponID(of: visit.userID, on: visit.day, policy),
        policyID: visit.policyID, userID: visit.userID, day: visit.day, issuedAt: request.time)
      if !publisher.publish(.claim(claim), ticket: ticket, traceparent: request.traceparent) {
        deliveryFailed(ticket, .notPersisted)
      }
    }
    planSweep()
  }

  func deliveryFailed(_ ticket: PublishTicket, _ problem: DeliveryProblem) {
    if policies.deliveryFailed(ticket, problem) { return }
    let step = room.deliveryFailed(ticket, problem)
    if let member = step.removesMember {
      gate.remove(member.userID, from: Gate.SetName(policyID: member.policyID, day: member.day))
    }
    answer(step.answers)
  }

  private func answer(_ answers: [CallerAnswer]) {
    for answer in answers { callers.answer(answer.caller, answer.answer) }
  }

  /// One timer for all deadlines.
  private func planSweep() {
    guard sweepTimer == nil, let next = room.nextSweep else { return }
    sweepTimer = EventLoop.shared.schedule(at: next) { [weak self] in
      guard let self else { return }
      sweepTimer = nil
      answer(room.sweep(now: .now))
      planSweep()
    }
  }

  // MARK: - The log

  func mustReach(_ offset: Int64, in partition: Int) { list.mustReach(offset, in: partition) }

  func stop(_ partition: Int, _ problem: LogProblem) {
    list.stop(partition, problem)
    log.error("a partition stopped", ["partition": partition, "reason": problem.explanation])
  }

  func take(_ messages: [KafkaMessage]) {
    for message in messages {
      let partition = Int(message.partition)
      let record = LogRecord(decoding: message.value)
      guard let outcome = list.take(record, partition: partition, offset: message.offset) else {
        report(partition)
        continue
      }
      switch outcome {
      case .issued(let coupon): issued(coupon)
      case .policyCreated(let created): policies.saw(created, first: nil)
      case .duplicatePolicy(let created):
        policies.saw(created, first: list.policy(created.policy.id))
      case .deadLetter: deadLetters.increment()
      case .dropped, .stop: break
      }
    }
  }

  private func issued(_ coupon: Coupon) {
    let claim = coupon.claim
    guard !room.isEmpty, let policy = list.policy(claim.policyID) else { return }
    answer(
      room.issued(coupon, under: policy, dayIsFull: list.isFull(on: claim.day, in: claim.policyID)))
  }

  private var reported: Set<Int> = []

  private func report(_ partition: Int) {
    guard case .stopped(let problem) = list.standing(of: partition), reported.insert(partition).inserted
    else { return }
    log.error("a partition stopped", ["partition": partition, "reason": problem.explanation])
  }

  private func partition(of policy: PolicyID) -> Int {
    if let known = partitions[policy] { return known }
    let partition = Int(LogLedger.partition(of: policy, of: partitionCount))
    // Anybody may ask for any number: only policies that exist are kept.
    if list.policy(policy) != nil { partitions[policy] = partition }
    return partition
  }

  // MARK: - Reading

  package func readiness() -> ServiceReadiness {
    var reasons = outsideTrouble()
    var standings = (0..<partitionCount).map { list.standing(of: $0) }
    standings.removeAll { $0 == .ready }
    if standings.contains(.catchingUp) { reasons.append("reading the log") }
    if standings.contains(where: { $0 != .catchingUp }) { reasons.append("the log cannot be read on") }
    return ServiceReadiness(reasons: reasons)
  }

  package func status(of policy: PolicyID, at time: Timestamp, deadline: Instant) -> Reply<PolicyAnswer> {
    guard list.standing(of: partition(of: policy)) == .ready else {
      return .now(.trouble(.unavailable(reason: Reason.catchingUp)))
    }
    guard let known = list.policy(policy) else { return .now(.noSuchPolicy) }
    guard let window = try? calendar.window(of: known, at: time) else {
      return .now(.trouble(.unavailable(reason: Reason.unknownZone)))
    }
    return .now(.policy(known, window: window, issued: list.issued(on: window.day, in: policy)))
  }

  package func latestCoupon(of user: UserID, in policy: PolicyID, deadline: Instant) -> Reply<CouponAnswer> {
    guard list.standing(of: partition(of: policy)) == .ready else {
      return .now(.trouble(.unavailable(reason: Reason.catchingUp)))
    }
    guard list.policy(policy) != nil else { return .now(.noSuchPolicy) }
    guard let coupon = list.latestCoupon(of: user, in: policy) else { return .now(CouponAnswer.none) }
    return .now(.coupon(coupon))
  }

  package func events(
    of policy: PolicyID, after: Int64, limit: Int, deadline: Instant
  ) async -> EventsAnswer {
    let answer = await archive.events(of: policy, after: after, limit: limit, deadline: deadline)
    if case .events(let events) = answer, events.isEmpty, list.policy(policy) == nil { return .noSuchPolicy }
    return answer
  }

  // MARK: - Policies

  package func create(_ draft: PolicyDraft, deadline: Instant) async -> CreateAnswer {
    await policies.create(
      draft, deadline: deadline, eventID: { self.eventIDs.next() },
      view: PolicyCreator.View(
        isReady: { self.canCreate(draft.id) }, find: { self.list.policy($0) },
        highest: { self.list.policies.last?.id }))
  }

  /// A policy with an id needs its partition only; to choose one, all must have been read.
  private func canCreate(_ id: PolicyID?) -> Bool {
    if let id { return list.standing(of: partition(of: id)) == .ready }
    return (0..<partitionCount).allSatisfy { list.standing(of: $0) == .ready }
  }

  // MARK: - For reconcile

  /// What reconcile compares Redis with.
  struct OpenDay {
    let set: Gate.SetName
    let policy: Policy
    let window: DayWindow
    let winners: Int
  }

  /// Today's sets of the policies whose partition has been read.
  func openDays(at time: Timestamp) -> [OpenDay] {
    list.policies.compactMap { policy in
      guard list.standing(of: partition(of: policy.id)) == .ready,
        let window = try? calendar.window(of: policy, at: time), policy.isEventDay(window.day)
      else { return nil }
      return OpenDay(
        set: Gate.SetName(policyID: policy.id, day: window.day), policy: policy, window: window,
        winners: list.issued(on: window.day, in: policy.id))
    }
  }

  func winners(of set: Gate.SetName) -> [UserID] { list.winners(on: set.day, in: set.policyID) }

  func isWinner(_ user: UserID, of set: Gate.SetName) -> Bool {
    list.isWinner(user, on: set.day, in: set.policyID)
  }
}

extension Visit {
  fileprivate var set: Gate.SetName { Gate.SetName(policyID: policyID, day: day) }
}
