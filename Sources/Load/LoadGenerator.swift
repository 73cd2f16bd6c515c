import Operations
import CouponDomain
import CouponStore
package import EventLoop
import HTTP
import Text
package import History

/// Sends a crowd and a bystander through HTTP, each request when it is due, whatever the server does.
///
/// One object a run: `run()` returns the history when every person has a last answer and the bystander has gone on for a
/// while after that. Sending never waits for an answer.
@LoopActor
package final class LoadGenerator {
  private let plan: LoadPlan
  private let reader: OutcomeReader
  private let start: Instant
  private let arrivals: [Int64]
  private let head: [UInt8]
  private let crowd: HTTPClient
  private let target: SocketAddress
  private let stays: [Int64]
  /// The bystander and the probes.
  private var sides: [SideStream] = []
  private let watch: StallWatch
  private let done = Completion<Void>()

  private var history: History
  private var nextPerson = 0
  private var isPumping = false
  private var asking = 0

  /// People who have their last answer.
  package private(set) var settled = 0
  /// Answers 201.
  package private(set) var won = 0
  /// Requests that ended without an answer that settles anything.
  package private(set) var troubled = 0
  package var people: Int { arrivals.count }
  /// Seconds from the opening; negative before it.
  package var secondsSinceOpening: Double { Double(microseconds(.now) - history.run.openedAfter) / 1_000_000 }

  /// At most this many requests leave in one turn of the loop.
  private static let burst = 256

  package init(_ plan: LoadPlan, target: SocketAddress, stays: [Int64]) {
    (self.plan, reader) = (plan, OutcomeReader(policyID: plan.policyID))
    let clocks = ClockReading.take()
    start = clocks.instant
    watch = StallWatch(start: start)
    let startedAt = clocks.wall
    let openedAfter = plan.opening.microseconds - startedAt.microseconds
    let run = RunFacts(
      architecture: plan.architecture, strategy: plan.strategy, policyID: plan.policyID,
      seed: plan.options.seed,
      people: plan.options.people, namePrefix: plan.namePrefix, startedAt: startedAt,
      openedAfter: openedAfter,
      deadlineMilliseconds: Int(plan.options.deadline.milliseconds))
    history = History(run: run)
    history.requests.reserveCapacity(plan.options.people * 2)
    arrivals =
      plan.options.concurrent == nil
      ? plan.options.crowd.arrivals().map { $0 + openedAfter }
      : Array(repeating: openedAfter, count: plan.options.people)
    head = Array(
      "POST /v1/policies/\(plan.policyID)/coupons HTTP/1.1\r\nHost: \(target)\r\nContent-Length: 0\r\nX-User-Id: "
        .utf8)
    crowd = HTTPClient(
      HTTPClientConfiguration(
        address: target, maxConnections: plan.options.connections, maxWaiting: plan.options.people + 1))
    (self.target, self.stays) = (target, stays)
  }

  /// Opens a part of the connections, sends everything, and returns when all of it has ended.
  package func run() async -> History {
    watch.begin()
    _ = await crowd.open(min(plan.options.connections, 256), deadline: .now + .seconds(2))
    beginSides()
    if arrivals.isEmpty { done.succeed(()) }
    pump()
    try? await done.value()
    EventLoop.shared.schedule(after: plan.options.after) { for side in self.sides { side.end() } }
    for side in sides { await side.ended() }
    crowd.close()
    watch.end()
    history.run.stalls = watch.stalls
    let clocks = ClockReading.take()
    history.run.end = RunEnd(after: microseconds(clocks.instant), at: clocks.wall)
    history.generator.add(crowd)
    for side in sides { side.tell(&history.generator) }
    return history
  }

  /// Ends a run early: requests in flight are dropped and not recorded.
  package func abandon() {
    nextPerson = arrivals.count
    crowd.close()
    for side in sides { side.end() }
    done.succeed(())
  }

  private func beginSides() {
    guard !done.isDone else { return }
    func begin(_ next: @escaping @LoopActor () -> SideStream.Request) {
      sides.append(
        SideStream(
          to: target, patience: plan.options.patience, start: start,
          record: { [weak self] request in self?.history.append(request) }, next: next))
    }
    if plan.options.bystanderPerSecond > 0, !stays.isEmpty {
      begin(
        BystanderSchedule.requests(
          perSecond: plan.options.bystanderPerSecond, stays: stays, seed: plan.options.seed))
    }
    if let probes = plan.probes, probes.perSecond > 0, !probes.holders.isEmpty { begin(probes.requests()) }
  }

  private func microseconds(_ time: Instant) -> Int64 { (time - start).nanoseconds / 1_000 }

  private func instant(_ microseconds: Int64) -> Instant { start + .microseconds(microseconds) }

  /// Sends what is due and schedules itself for the next request.
  private func pump() {
    isPumping = false
    let now = microseconds(.now)
    var sent = 0
    while nextPerson < arrivals.count, arrivals[nextPerson] <= now, sent < LoadGenerator.burst, hasRoom {
      let arrival = arrivals[nextPerson]
      let person = plan.persons.map { Int($0[nextPerson]) } ?? nextPerson
      nextPerson += 1
      sent += 1
      asking += 1
      // With a bounded number of people at a time, a person is due when it is their turn.
      send(
        person, attempt: arrival < history.run.openedAfter ? 0 : 1,
        due: plan.options.concurrent == nil ? arrival : now)
    }
    guard nextPerson < arrivals.count, !isPumping, hasRoom else { return }
    isPumping = true
    EventLoop.shared.schedule(at: instant(arrivals[nextPerson])) { [weak self] in self?.pump() }
  }

  private var hasRoom: Bool { plan.options.concurrent.map { asking < $0 } ?? true }

  private func send(_ person: Int, attempt: Int, due: Int64) {
    let name = plan.namePrefix + String(person)
    var bytes = head
    bytes.append(contentsOf: name.utf8)
    bytes.append(contentsOf: "\r\n\r\n".utf8)
    let flight = Flight(person: person, name: name, attempt: attempt, due: due)
    history.generator.lateness.record(microseconds: microseconds(flight.asked) - due)
    crowd.send(bytes, deadline: .now + plan.options.patience, onSent: { flight.sent = $0 }) { result in
      self.take(result, flight)
    }
    if flight.sent == nil, crowd.connectionCount >= plan.options.connections {
      history.generator.crowded += 1
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
      retryAfter = OutcomeReader.retryAfter(answer)
    case .failure(let error):
      outcome = Outcome(error, timedOut: answered >= flight.asked + plan.options.patience)
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

  /// A person without a settling answer retries, a bounded number of times; one who came too early asks at the opening.
  private func goOn(
    _ person: Int, after outcome: Outcome, _ attempt: Int, answered: Int64, retryAfter: Int?
  ) {
    var due: Int64?
    if attempt == 0, !outcome.isOK {
      due = max(history.run.openedAfter + plan.options.retries.afterOpening(person: person), answered)
    } else if outcome.isUnknown {
      due = plan.options.retries.delay(person: person, attempt: attempt, retryAfterSeconds: retryAfter)
        .map { answered + $0 }
    }
    guard let due else {
      settled += 1
      asking -= 1
      if settled == arrivals.count { done.succeed(()) }
      if plan.options.concurrent != nil { pump() }
      return
    }
    EventLoop.shared.schedule(at: instant(due)) { [weak self] in
      guard let self, !self.done.isDone else { return }
      self.send(person, attempt: attempt + 1, due: due)
    }
  }
}

extension GeneratorRecord {
  /// What a client had no means to send.
  @LoopActor mutating func add(_ client: HTTPClient) {
    unsent += client.unsent
    unsentReason = client.unsentReason ?? unsentReason
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
