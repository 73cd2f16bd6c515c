package import CouponAPI
import CouponDatabase
package import CouponDomain
import CouponStore
package import EventLoop
import Kafka
import Operations
import Programs
package import Text

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
  private var places: [PolicyID: PolicyPlace] = [:]
  private var ownClaims: OwnClaims
  private var isSweepPlanned = false
  private let deadLetters: Counter
  private let bug: PlantedBug?

  /// Where this process is told to end itself; for experiments.
  var crash: CrashSwitch?
  /// Why requests cannot be answered, beyond what the list knows.
  var outsideTrouble: @LoopActor () -> [String] = { [] }

  init(
    key: CouponKey, partitions: Int, capacity: Int, gate: Gate, publisher: LogPublisher,
    archive: EventArchive, context: ProgramContext, bug: PlantedBug? = nil
  ) {
    self.bug = bug
    (self.key, partitionCount, self.gate) = (key, partitions, gate)
    (self.publisher, self.archive, log) = (publisher, archive, context.log)
    list = CouponList(partitions: partitions, ledger: LogLedger(key: key, partitions: partitions))
    room = WaitingRoom(capacity: capacity, messageTimeout: LogPublisher.messageTimeout)
    policies = PolicyCreator(key: key, publisher: publisher, partitions: partitions)
    ownClaims = OwnClaims(partitions: partitions)
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
    let place: PolicyPlace
    do {
      guard let found = try self.place(of: request.policyID, at: request.time) else {
        return .now(absence(of: request.policyID))
      }
      place = found
    } catch { return .now(.trouble(.unavailable(reason: Reason.unknownZone))) }
    guard list.standing(of: place.route.partition) == .ready else {
      return .now(.trouble(.unavailable(reason: Reason.catchingUp)))
    }
    let day = place.window.day
    let hours = place.policy.hours(at: request.time, in: place.window)
    switch list.refusal(of: request.userID, on: day, hours: hours, in: request.policyID) {
    case .alreadyIssued(let coupon): return .now(.existing(coupon))
    case .notOpen(let next): return .now(.notOpen(next: next))
    case .soldOut: return .now(.soldOut)
    case nil: return admit(request, at: place, on: day)
    }
  }

  private func admit(_ request: IssueRequest, at place: PolicyPlace, on day: Day) -> Reply<IssueAnswer> {
    guard room.enter() else { return .now(.trouble(.unavailable(reason: Reason.waitingRoomFull))) }
    let visit = Visit(
      caller: callers.reserve(), policyID: request.policyID, day: day, userID: request.userID,
      eventID: eventIDs.next(), deadline: request.deadline)
    let caller = WaitingCaller(request, at: place, visit)
    callers.keep(caller)
    gate.ask(for: caller) { reply in self.gateAnswered(reply, caller) }
    return .told { caller.whenAnswered($0) }
  }

  private func gateAnswered(_ reply: GateReply, _ caller: WaitingCaller) {
    let visit = caller.visit
    var refusal = list.refusal(of: visit.userID, on: visit.day, hours: .open, in: visit.policyID)
    if bug == .soldOutFromSet, reply == .beyondQuota { refusal = refusal ?? .soldOut }
    let step = room.gateAnswered(reply, for: visit, refusal: refusal, now: .now)
    if step.removesMember { gate.remove(visit.userID, of: visit.policyID, on: visit.day) }
    switch step.next {
    case .answer(let answer): callers.answer(visit.caller, answer)
    case .wait: break
    case .publish(let ticket):
      crash?.reach(.apiAfterGate)
      publish(caller, ticket)
    }
    planSweep()
  }

  private func publish(_ caller: WaitingCaller, _ ticket: PublishTicket) {
    let visit = caller.visit
    let claim = CouponClaim(
      eventID: visit.eventID, couponID: key.couponID(of: visit.userID, on: visit.day, caller.place.policy),
      policyID: visit.policyID, userID: visit.userID, day: visit.day, issuedAt: caller.request.time)
    let (bytes, route) = (LogCodec.encode(claim), caller.place.route)
    if publisher.publish(bytes, at: route, ticket: ticket, traceparent: caller.request.traceparent) {
      ownClaims.add(claim, bytes, partition: route.partition)
    } else {
      deliveryFailed(ticket, .notPersisted)
    }
  }

  func deliveryFailed(_ ticket: PublishTicket, _ problem: DeliveryProblem) {
    if policies.deliveryFailed(ticket, problem) { return }
    ownClaims.forget()
    let step = room.deliveryFailed(ticket, problem)
    if let member = step.removesMember {
      gate.remove(member.userID, of: member.policyID, on: member.day)
    }
    answer(step.answers)
  }

  private func answer(_ answers: [CallerAnswer]) {
    for answer in answers { callers.answer(answer.caller, answer.answer) }
  }

  /// One timer for all deadlines; what a sweep has left over comes in the next turn.
  private func planSweep() {
    guard !isSweepPlanned, let next = room.nextSweep else { return }
    isSweepPlanned = true
    let sweep: @LoopActor () -> Void = { [weak self] in
      guard let self else { return }
      isSweepPlanned = false
      answer(room.sweep(now: .now))
      planSweep()
    }
    if next <= .now {
      EventLoop.shared.atNextTurn(sweep)
    } else {
      EventLoop.shared.schedule(at: next, sweep)
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
      let record = ownClaims.record(message.value, partition: partition)
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
    // Who waits has made the policy's place.
    guard !room.isEmpty, let policy = places[claim.policyID]?.policy else { return }
    let answers = room.issued(
      coupon, under: policy, dayIsFull: list.isFull(on: claim.day, in: claim.policyID))
    if !answers.isEmpty { crash?.reach(.apiAfterPublish) }
    answer(answers)
    if room.hasMoreAnswers { answerTheRest() }
  }

  private var isAnsweringTheRest = false

  /// Thousands may wait for a day to fill: a part of them each turn.
  private func answerTheRest() {
    guard !isAnsweringTheRest else { return }
    isAnsweringTheRest = true
    EventLoop.shared.atNextTurn { [self] in
      isAnsweringTheRest = false
      answer(room.moreAnswers())
      if room.hasMoreAnswers { answerTheRest() }
    }
  }

  private var reported: Set<Int> = []

  private func report(_ partition: Int) {
    guard case .stopped(let problem) = list.standing(of: partition), reported.insert(partition).inserted
    else { return }
    log.error("a partition stopped", ["partition": partition, "reason": problem.explanation])
  }

  /// The policy with its day at that moment; nil where the list has no such policy.
  private func place(of id: PolicyID, at time: Timestamp) throws(UnknownTimeZone) -> PolicyPlace? {
    if let known = places[id] {
      try known.move(to: time, &calendar)
      return known
    }
    guard let policy = list.policy(id) else { return nil }
    let place = PolicyPlace(
      policy, route: LogRoute(of: id, partitions: partitionCount),
      window: try calendar.window(of: policy, at: time), gate: gate)
    places[id] = place
    return place
  }

  /// What to say of a policy that the list does not have (yet).
  private func absence(of policy: PolicyID) -> IssueAnswer {
    list.standing(of: partition(of: policy)) == .ready
      ? .noSuchPolicy : .trouble(.unavailable(reason: Reason.catchingUp))
  }

  private func partition(of policy: PolicyID) -> Int {
    Int(LogLedger.partition(of: policy, of: partitionCount))
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
        policies: { self.list.policies }))
  }

  /// A policy with an id needs its partition only; to choose one, all must have been read.
  private func canCreate(_ id: PolicyID?) -> Bool {
    if let id { return list.standing(of: partition(of: id)) == .ready }
    return (0..<partitionCount).allSatisfy { list.standing(of: $0) == .ready }
  }

  // MARK: - For reconcile

  /// What reconcile compares Redis with.
  struct OpenDay {
    let policy: Policy
    let window: DayWindow
    /// The set's key.
    let key: String

    var day: Day { window.day }
  }

  /// Today's sets of the policies whose partition has been read.
  func openDays(at time: Timestamp) -> [OpenDay] {
    list.policies.compactMap { policy in
      guard list.standing(of: partition(of: policy.id)) == .ready,
        let window = try? calendar.window(of: policy, at: time), policy.isEventDay(window.day)
      else { return nil }
      return OpenDay(policy: policy, window: window, key: gate.key(of: policy.id, on: window.day))
    }
  }

  func issued(on open: OpenDay) -> Int { list.issued(on: open.day, in: open.policy.id) }

  func winners(on open: OpenDay, from place: Int, lookingAt count: Int) -> (winners: [UserID], next: Int?) {
    list.winners(on: open.day, in: open.policy.id, from: place, lookingAt: count)
  }

  func isWinner(_ user: UserID, on open: OpenDay) -> Bool {
    list.isWinner(user, on: open.day, in: open.policy.id)
  }
}
