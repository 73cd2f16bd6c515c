import CouponLog
import CouponAdmission
import CouponAPI
import CouponDomain
import CouponStore
import EventLoop
import Text

/// An API process around the product's machines: what it would send goes to the model servers, what they answer
/// comes back, or does not.
final class SimAPI {
  let number: Int
  unowned let world: World
  private(set) var isUp = false
  private(set) var isStopped = false
  /// Whether this life was ever interrupted: then deadlines may have passed unseen.
  private(set) var wasStopped = false
  private(set) var life = 0
  var list = CouponList(partitions: SimKafka.partitions, ledger: World.ledger)
  var room = WaitingRoom(capacity: 10, messageTimeout: .milliseconds(World.messageTimeout))
  private var reconcilers: [SetKey: Reconciliation] = [:]
  private(set) var waiting: [CallerID: SimRequest] = [:]
  private var isPolling: [Bool] = []
  private var backlog: [() -> Void] = []

  init(_ number: Int, _ world: World) { (self.number, self.world) = (number, world) }

  // MARK: - Life and death

  func start() {
    guard !isUp else { return }
    life += 1
    (isUp, isStopped, wasStopped, backlog) = (true, false, false, [])
    list = CouponList(partitions: SimKafka.partitions, ledger: World.ledger)
    room = WaitingRoom(
      capacity: world.dice.pick([2, 10, 10]), messageTimeout: .milliseconds(World.messageTimeout))
    (reconcilers, sweepAt) = ([:], Int.max)
    isPolling = Array(repeating: false, count: SimKafka.partitions)
    if world.database.isDown { world.race(.r19) }
    if world.kafka.inFlight > 0 { world.race(.r10) }
    locateEnd()
    reconcile()
  }

  /// The log's end at the start is asked until Kafka answers.
  private func locateEnd() {
    guard !world.kafka.isDown else { return later(200) { self.locateEnd() } }
    for partition in 0..<SimKafka.partitions {
      list.mustReach(world.kafka.end(partition), in: partition)
      wake(partition)
    }
  }

  func crash() {
    guard isUp else { return }
    for request in waiting.values where request.tookSlot && !request.isPublished { world.race(.r1) }
    (isUp, isStopped, backlog) = (false, false, [])
    life += 1
    let lost = waiting.sorted { $0.key < $1.key }
    waiting = [:]
    for (_, request) in lost { request.end(nil) }
  }

  func stop() {
    guard isUp else { return }
    (isStopped, wasStopped) = (true, true)
  }

  func goOn() {
    guard isUp, isStopped else { return }
    isStopped = false
    let actions = backlog
    backlog = []
    // Each may stop the process again, or end it.
    let life = life
    for action in actions { inside(life, action) }
  }

  func heal() {
    goOn()
    start()
    for partition in 0..<SimKafka.partitions { wake(partition) }
  }

  /// Runs `action` in this process: not if it has died since, and when it goes on if it is stopped.
  func inside(_ life: Int, _ action: @escaping () -> Void) {
    guard self.life == life, isUp else { return }
    if isStopped { backlog.append(action) } else { action() }
  }

  func later(_ milliseconds: Int, _ action: @escaping () -> Void) {
    let life = life
    world.after(milliseconds) { self.inside(life, action) }
  }

  /// Between Redis' answer and the publishing: true if the process died or stopped here, to go on later with `next`.
  private func passCrashPoint(_ next: @escaping () -> Void) -> Bool {
    if world.dice.chance(world.weather.apiDies) {
      crash()
      world.after(world.dice.within(50...2_000)) { self.start() }
      return true
    }
    guard world.dice.chance(world.weather.apiStops) else { return false }
    world.race(.r9)
    stop()
    backlog.append(next)
    world.after(world.dice.within(50...6_000)) { self.goOn() }
    return true
  }

  // MARK: - The log

  func wake(_ partition: Int) {
    guard isUp, !isPolling[partition] else { return }
    isPolling[partition] = true
    later(world.dice.within(1...world.weather.tailDelay)) { self.poll(partition) }
  }

  private func poll(_ partition: Int) {
    isPolling[partition] = false
    let messages = world.kafka.read(
      partition, from: list.nextOffset(of: partition), atMost: world.dice.within(1...6))
    for message in messages {
      guard let outcome = list.take(message.record, partition: partition, offset: message.offset) else {
        return world.checker.fail("a list stopped")
      }
      if case .issued(let coupon) = outcome, let policy = list.policy(coupon.claim.policyID) {
        let isFull = list.isFull(on: coupon.claim.day, in: policy.id)
        for answer in room.issued(coupon, under: policy, dayIsFull: isFull) { give(answer) }
        while room.hasMoreAnswers { for answer in room.moreAnswers() { give(answer) } }
      }
    }
    if !messages.isEmpty, list.nextOffset(of: partition) < world.kafka.end(partition) { wake(partition) }
  }

  // MARK: - Requests

  func receive(_ request: SimRequest) {
    guard isUp else { return world.after(5) { request.end(nil) } }
    waiting[request.caller] = request
    later(world.dice.within(0...4)) { self.handle(request) }
  }

  private func handle(_ request: SimRequest) {
    let policyID = request.person.policyID
    guard list.standing(of: SimKafka.partition(of: policyID)) == .ready else {
      return answer(request, .trouble(.unavailable(reason: Reason.catchingUp)))
    }
    guard let policy = list.policy(policyID) else { return answer(request, .noSuchPolicy) }
    let window = world.window
    request.day = window.day
    let hours = policy.hours(at: world.timestamp, in: window)
    switch list.refusal(of: request.person.id, on: window.day, hours: hours, in: policyID) {
    case .alreadyIssued(let coupon): return answer(request, .existing(coupon))
    case .notOpen(let next): return answer(request, .notOpen(next: next))
    case .soldOut: return answer(request, .soldOut)
    case nil: break
    }
    guard room.enter() else {
      return answer(request, .trouble(.unavailable(reason: Reason.waitingRoomFull)))
    }
    let eventID = world.nextEventID()
    request.eventID = eventID
    let visit = Visit(
      caller: request.caller, policyID: policyID, day: window.day, userID: request.person.id,
      eventID: eventID, deadline: Instant(nanoseconds: UInt64(request.deadline) * 1_000_000))
    let gate = SimGate(self, SetKey(policyID: policyID, day: window.day), deadline: request.deadline)
    gate.ask(for: request.person.id, quota: policy.dailyQuota) { reply, wasAdded, count in
      request.tookSlot = wasAdded
      request.wasMember = reply == .member
      self.gateAnswered(reply, visit, request, policy, wasAdded: wasAdded, count: count)
    }
  }

  private func gateAnswered(
    _ reply: GateReply, _ visit: Visit, _ request: SimRequest, _ policy: Policy, wasAdded: Bool, count: Int
  ) {
    world.checker.noteGate(reply, SetKey(policyID: policy.id, day: visit.day), policy)
    if passCrashPoint({ self.gateAnswered(reply, visit, request, policy, wasAdded: wasAdded, count: count) })
    {
      return
    }
    if let mistake = world.mistake,
      PlantedMistakes.gateAnswered(mistake, self, reply, visit, request, policy, count: count)
    {
      return
    }
    let refusal = list.refusal(of: visit.userID, on: visit.day, hours: .open, in: policy.id)
    let step = room.gateAnswered(reply, for: visit, refusal: refusal, now: world.instant)
    if step.removesMember { remove(visit.userID, SetKey(policyID: policy.id, day: visit.day)) }
    switch step.next {
    case .answer(let answer): self.answer(request, answer)
    case .wait: break
    case .publish(let ticket): publish(ticket, visit, policy, request)
    }
    scheduleSweep()
  }

  private func publish(_ ticket: PublishTicket, _ visit: Visit, _ policy: Policy, _ request: SimRequest) {
    guard !world.dice.chance(world.weather.queueFull) else { return reported(ticket, .notPersisted) }
    let life = life
    send(visit, policy, request) { problem in
      self.inside(life) { if let problem { self.reported(ticket, problem, request) } }
    }
  }

  func send(
    _ visit: Visit, _ policy: Policy, _ request: SimRequest, report: @escaping (DeliveryProblem?) -> Void
  ) {
    request.isPublished = true
    world.checker.published(visit)
    let life = life
    world.kafka.produce(
      .success(.claim(PlantedMistakes.claim(of: visit, policy, world))),
      SimKafka.partition(of: visit.policyID),
      fate: fate(), isAlive: { self.life == life && self.isUp }, report: report)
    if world.dice.chance(world.weather.poison) { world.poison(SimKafka.partition(of: visit.policyID)) }
  }

  private func fate() -> SimKafka.Fate {
    let weather = world.weather
    if world.dice.chance(weather.notPersisted) { return .notPersisted }
    if world.dice.chance(weather.reportLost) { return .reportLost }
    if world.dice.chance(weather.appendedAfterReport) { return .appendedAfterReport }
    if world.dice.chance(weather.neverAppended) { return .neverAppended }
    return world.dice.chance(weather.duplicated) ? .appendedTwice : .appended
  }

  private func reported(_ ticket: PublishTicket, _ problem: DeliveryProblem, _ request: SimRequest? = nil) {
    let step = room.deliveryFailed(ticket, problem)
    if request?.answer != nil { world.race(.r15) }
    request?.person.hadFailedDelivery = true
    if let member = step.removesMember {
      remove(member.userID, SetKey(policyID: member.policyID, day: member.day))
    }
    for answer in step.answers { give(answer) }
  }

  /// SREM, once, whatever becomes of it.
  func remove(_ user: UserID, _ key: SetKey) {
    SimGate(self, key, deadline: world.now + World.deadline).remove(user)
  }

  private var sweepAt = Int.max

  private func scheduleSweep() {
    guard let next = room.nextSweep else { return }
    let time = max(world.now + 1, Int(next.nanoseconds / 1_000_000))
    guard time < sweepAt || sweepAt <= world.now else { return }
    sweepAt = time
    later(time - world.now) {
      self.sweepAt = Int.max
      for answer in self.room.sweep(now: self.world.instant) { self.give(answer) }
      self.scheduleSweep()
    }
  }

  private func give(_ answer: CallerAnswer) {
    guard let request = waiting[answer.caller] else {
      return world.checker.fail("caller \(answer.caller) was answered twice, or is nobody")
    }
    self.answer(request, answer.answer)
  }

  func answer(_ request: SimRequest, _ answer: IssueAnswer) {
    guard waiting.removeValue(forKey: request.caller) != nil else {
      return world.checker.fail("caller \(request.caller) was answered twice")
    }
    request.answer = answer
    world.checker.answered(request, answer, by: self)
    guard !world.dice.chance(world.weather.responseLost) else {
      return world.after(World.deadline) { request.end(nil) }
    }
    world.after(world.dice.within(0...4)) { request.end(answer) }
  }

  // MARK: - Reconcile

  private func reconcile() {
    later(World.reconcileInterval + world.dice.within(0...300)) {
      self.reconcile()
      guard self.world.mistake != .noReconciliation else { return }
      for policy in self.list.policies { self.reconcile(policy) }
    }
  }

  private func reconcile(_ policy: Policy) {
    guard list.standing(of: SimKafka.partition(of: policy.id)) == .ready else { return }
    let key = SetKey(policyID: policy.id, day: world.today)
    let gate = SimGate(self, key, deadline: world.now + World.deadline)
    gate.count { members in
      let winners = self.list.winners(on: key.day, in: policy.id, from: 0, lookingAt: 100).winners
      let reconciler = self.reconcilers[
        key, default: Reconciliation(patience: .milliseconds(World.deadline + World.messageTimeout))]
      switch reconciler.counted(members: members, winners: winners.count, quota: policy.dailyQuota) {
      case .nothing: break
      case .addWinners: gate.add(winners)
      case .lookAtMembers: self.look(at: key, policy)
      }
    }
  }

  private func look(at key: SetKey, _ policy: Policy) {
    let askedAt = world.instant
    SimGate(self, key, deadline: world.now + World.deadline).members { members in
      var reconciler = self.reconcilers[
        key, default: Reconciliation(patience: .milliseconds(World.deadline + World.messageTimeout))]
      let idle = reconciler.saw(members: members, askedAt: askedAt, seenAt: self.world.instant) {
        self.world.mistake == .ghostsByHolder
          ? self.list.coupon(of: $0, on: key.day, in: policy.id) != nil
          : self.list.isWinner($0, on: key.day, in: policy.id)
      }
      self.reconcilers[key] = reconciler
      for user in idle { self.remove(user, key) }
    }
  }
}
