import Operations
import CouponDomain
import CouponStore
package import EventLoop
import HTTP
import Text

/// Sends a crowd and a bystander through HTTP, each request when it is due, whatever the server does.
///
/// One run, one object: `run()` returns the history when everybody has their last answer and the bystander has gone on
/// for a while after that. Nothing waits for an answer before sending: the loop has one queue of what is due.
@LoopActor
package final class LoadRun {
  private let plan: LoadPlan
  private let reader: AnswerReader
  private let start: Instant
  private let arrivals: [Int64]
  private let head: [UInt8]
  private let crowd: HTTPClient
  private let bystander: BystanderRun
  private let probes: ProbeRun?
  private let watch: StallWatch
  private let done = Completion<Void>()

  private var history: History
  private var nextPerson = 0
  private var isPumping = false
  private var asking = 0

  /// People who have their last answer.
  package private(set) var settled = 0
  /// Coupons that were given to somebody.
  package private(set) var won = 0
  /// Requests that ended without an answer that settles anything.
  package private(set) var troubled = 0
  /// People who have asked at least once.
  package var arrived: Int { nextPerson }
  package var people: Int { arrivals.count }
  /// Seconds from the opening; negative before it.
  package var secondsSinceOpening: Double { Double(microseconds(.now) - history.run.openedAfter) / 1_000_000 }

  /// At most this many requests leave in one turn of the loop.
  private static let burst = 256

  package init(_ plan: LoadPlan, target: SocketAddress, stays: [Int64]) {
    (self.plan, reader) = (plan, AnswerReader(policyID: plan.policyID))
    start = .now
    watch = StallWatch(start: start)
    let startedAt = SystemClock().now()
    let openedAfter = plan.opening.microseconds - startedAt.microseconds
    let run = RunFacts(
      architecture: plan.architecture, strategy: plan.strategy, policyID: plan.policyID,
      seed: plan.crowd.seed,
      people: plan.crowd.people, namePrefix: plan.namePrefix, startedAt: startedAt, openedAfter: openedAfter,
      deadlineMilliseconds: Int(plan.deadline.milliseconds))
    history = History(run: run)
    history.requests.reserveCapacity(plan.crowd.people * 2)
    arrivals =
      plan.concurrent == nil
      ? plan.crowd.arrivals().map { $0 + openedAfter }
      : Array(repeating: openedAfter, count: plan.crowd.people)
    head = Array(
      "POST /v1/policies/\(plan.policyID)/coupons HTTP/1.1\r\nHost: \(target)\r\nContent-Length: 0\r\nX-User-Id: "
        .utf8)
    crowd = HTTPClient(
      HTTPClientConfiguration(
        address: target, maxConnections: plan.connections, maxWaiting: plan.crowd.people + 1))
    bystander = BystanderRun(plan, target: target, stays: stays, start: start)
    let begun = start
    probes = plan.probes.map { ProbeRun($0, target: target, patience: plan.patience, start: begun) }
  }

  /// Opens a part of the connections, sends everything, and returns when all of it has ended.
  package func run() async -> History {
    watch.begin()
    _ = await crowd.open(min(plan.connections, 256), deadline: .now + .seconds(2))
    bystander.begin { [weak self] request in self?.history.append(request) }
    probes?.begin { [weak self] request in self?.history.append(request) }
    if arrivals.isEmpty { done.succeed(()) }
    pump()
    try? await done.value()
    EventLoop.shared.schedule(after: plan.after) {
      self.bystander.end()
      self.probes?.end()
    }
    await bystander.ended()
    await probes?.ended()
    crowd.close()
    watch.end()
    history.run.stalls = watch.stalls
    return history
  }

  /// Ends a run early: what is in flight is lost, and everybody who has no answer stays without one.
  package func abandon() {
    nextPerson = arrivals.count
    crowd.close()
    bystander.end()
    probes?.end()
    done.succeed(())
  }

  private func microseconds(_ time: Instant) -> Int64 { (time - start).nanoseconds / 1_000 }

  private func instant(_ microseconds: Int64) -> Instant { start + .microseconds(microseconds) }

  /// Sends whoever is due; comes again when the next one is.
  private func pump() {
    isPumping = false
    let now = microseconds(.now)
    var sent = 0
    while nextPerson < arrivals.count, arrivals[nextPerson] <= now, sent < LoadRun.burst, hasRoom {
      let arrival = arrivals[nextPerson]
      let person = plan.persons.map { Int($0[nextPerson]) } ?? nextPerson
      nextPerson += 1
      sent += 1
      asking += 1
      // Who waits for others to be served is due when it is their turn.
      send(
        person, attempt: arrival < history.run.openedAfter ? 0 : 1,
        due: plan.concurrent == nil ? arrival : now)
    }
    guard nextPerson < arrivals.count, !isPumping, hasRoom else { return }
    isPumping = true
    EventLoop.shared.schedule(at: instant(arrivals[nextPerson])) { [weak self] in self?.pump() }
  }

  private var hasRoom: Bool { plan.concurrent.map { asking < $0 } ?? true }

  private func send(_ person: Int, attempt: Int, due: Int64) {
    let name = plan.namePrefix + String(person)
    var bytes = head
    bytes.append(contentsOf: name.utf8)
    bytes.append(contentsOf: "\r\n\r\n".utf8)
    let flight = Flight(person: person, name: name, attempt: attempt, due: due)
    crowd.send(bytes, deadline: .now + plan.patience, onSent: { flight.sent = .now }) { result in
      self.take(result, flight)
    }
  }

  /// One request on its way.
  private final class Flight {
    let person: Int
    let name: String
    let attempt: Int
    let due: Int64
    let asked = Instant.now
    /// When a connection took it.
    var sent: Instant?

    init(person: Int, name: String, attempt: Int, due: Int64) {
      (self.person, self.name, self.attempt, self.due) = (person, name, attempt, due)
    }
  }

  private func take(_ result: HTTPClient.Outcome, _ flight: Flight) {
    let answered = Instant.now
    var outcome: Outcome
    var coupon: SeenCoupon?
    var retryAfter: Int?
    switch result {
    case .success(let answer):
      (outcome, coupon) = reader.read(answer, user: flight.name)
      retryAfter = AnswerReader.retryAfter(answer)
    case .failure(let error):
      outcome = Outcome(error, timedOut: answered >= flight.asked + plan.patience)
    }
    let request = RequestRecord(
      call: .coupon, outcome: outcome, attempt: UInt8(clamping: flight.attempt),
      person: UInt32(flight.person),
      due: UInt32(clamping: flight.due), sent: UInt32(clamping: microseconds(flight.sent ?? answered)),
      answered: UInt32(clamping: microseconds(answered)))
    history.append(request, coupon: coupon)
    if outcome == .created { won += 1 }
    if outcome.isUnknown { troubled += 1 }
    goOn(
      flight.person, after: outcome, flight.attempt, answered: microseconds(answered), retryAfter: retryAfter)
  }

  /// Who has no answer that settles it asks again, a bounded number of times; who came too early, at the opening.
  private func goOn(
    _ person: Int, after outcome: Outcome, _ attempt: Int, answered: Int64, retryAfter: Int?
  ) {
    var due: Int64?
    if attempt == 0, !outcome.isOK {
      due = max(history.run.openedAfter + plan.retries.afterOpening(person: person), answered)
    } else if outcome.isUnknown {
      due = plan.retries.delay(person: person, attempt: attempt, retryAfterSeconds: retryAfter)
        .map { answered + $0 }
    }
    guard let due else {
      settled += 1
      asking -= 1
      if settled == arrivals.count { done.succeed(()) }
      if plan.concurrent != nil { pump() }
      return
    }
    EventLoop.shared.schedule(at: instant(due)) { [weak self] in
      guard let self, !self.done.isDone else { return }
      self.send(person, attempt: attempt + 1, due: due)
    }
  }
}

extension Outcome {
  /// What a client's error means; `timedOut`: its own patience was over.
  init(_ error: HTTPClientError, timedOut: Bool) {
    switch error {
    case .neverSent: self = .notSent
    case .sentNoAnswer: self = timedOut ? .timeout : .lost
    case .badAnswer: self = .strange
    }
  }
}
