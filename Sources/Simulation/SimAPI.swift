import CouponAPI
import CouponAdmission
import CouponDomain
import CouponLog
import CouponStore
import EventLoop
import Kafka
import Operations
import Programs
import Redis
import Text

/// An API process: the product's `Admission` over simulated Redis and Kafka.
@LoopActor
final class SimAPI: EventRecords {
  let number: Int
  private unowned let world: World
  private(set) var life: Life?
  private var admission: Admission?
  private var watch: LogWatch?
  private var next: [Int64] = []
  private var isPolling: [Bool] = []
  private(set) var waiting: [Int: SimRequest] = [:]

  init(_ number: Int, _ world: World) { (self.number, self.world) = (number, world) }

  var name: String { "API \(number + 1)" }
  var isUp: Bool { life?.isAlive == true }

  // MARK: - Life and death

  func start() {
    guard !isUp else { return }
    let life = Life(world, answersPeople: true)
    self.life = life
    if world.database.isDown { world.race(.r19) }
    if world.kafka.inFlight > 0 { world.race(.r10) }
    let context = ProgramContext(
      log: Log(program: name, level: .error, output: LogOutput(maximumPending: 0)), metrics: Metrics())
    let clock = LoopClock(life)
    let redis = SimRedisClient(self, life, world)
    let admission = Admission(
      AdmissionOptions(
        strategy: world.mutant?.strategy ?? .log, key: World.key, keyPrefix: "",
        partitions: SimKafka.partitions, capacity: world.dice.pick([2, 10, 10]),
        requestDeadline: .milliseconds(World.deadline)),
      AdmissionPorts(
        clock: clock, wallClock: { [unowned world] in world.wall }, redis: redis,
        connect: { [unowned self, unowned world] _ in SimRedisClient(self, life, world) },
        outlet: SimOutlet(self, life, world), archive: self),
      context)
    self.admission = admission
    next = Array(repeating: 0, count: SimKafka.partitions)
    isPolling = Array(repeating: false, count: SimKafka.partitions)
    let watch = watch(admission, life, clock, context)
    self.watch = watch
    life.whenEnded {
      watch.stop()
      admission.stopReconciling()
      admission.stop()
    }
    admission.start()
    world.tell("\(name) starts")
    locateEnd(life)
    // Not with everything else, so that it meets a partition's first message too.
    life.later(world.dice.within(1...1_000)) { self.ask(watch, life) }
  }

  /// What tells the API how far the log goes, and whether it is still the same one; here it always is.
  private func watch(
    _ admission: Admission, _ life: Life, _ clock: LoopClock, _ context: ProgramContext
  ) -> LogWatch {
    let watch = LogWatch(
      topic: "log", questions: SimQuestions(life, world), clock: clock, trouble: TroubleLog(context.log),
      handlers: LogWatch.Handlers(
        next: { [unowned self] partition in next[Int(partition)] },
        onEnd: { partition, end, askedAt in
          admission.saw(end: end, of: Int(partition), askedAt: askedAt)
        },
        onOther: { [unowned self] partition, problem in
          world.checker.fail("\(name) stops at partition \(partition): \(problem.explanation)")
        }))
    watch.watch(Array(0..<Int32(SimKafka.partitions)))
    return watch
  }

  private func ask(_ watch: LogWatch, _ life: Life) {
    EventLoop.shared.spawn {
      _ = await watch.ask()
      life.later(Int(LogWatch.interval.nanoseconds / 1_000_000)) { self.ask(watch, life) }
    }
  }

  /// The log's end at the start is asked for until Kafka answers.
  private func locateEnd(_ life: Life) {
    guard !world.kafka.isDown else { return life.later(200) { self.locateEnd(life) } }
    for partition in 0..<SimKafka.partitions {
      if world.mutant != .neverReady { admission?.mustReach(world.kafka.end(partition), in: partition) }
      wake(partition)
    }
  }

  func crash() {
    guard let life, life.isAlive else { return }
    world.tell("\(name) dies")
    for request in waiting.values where request.tookSlot && !request.isPublished { world.race(.r1) }
    life.end()
    let lost = waiting.sorted { $0.key < $1.key }
    waiting = [:]
    for (_, request) in lost { request.end(nil) }
  }

  func forget() { (admission, watch, life) = (nil, nil, nil) }

  func stop() {
    guard isUp else { return }
    world.tell("\(name) is stopped")
    life?.stop()
  }

  func goOn() {
    guard let life, life.isAlive, life.isStopped else { return }
    world.tell("\(name) goes on")
    life.goOn()
  }

  func heal() {
    goOn()
    start()
    for partition in 0..<SimKafka.partitions { wake(partition) }
  }

  /// A moment at which the process may die or be stopped; `claim` is what it was about to publish.
  func passCrashPoint(_ claim: [UInt8]? = nil, oneIn part: Int = 1) {
    guard isUp, part == 1 || world.dice.below(part) == 0 else { return }
    if world.dice.chance(world.weather.apiDies) {
      if let claim, case .success(.claim) = LogCodec.read(claim) { world.race(.r1) }
      crash()
      world.schedule.after(world.dice.within(50...2_000)) { self.start() }
    } else if world.dice.chance(world.weather.apiStops) {
      if claim != nil { world.race(.r9) }
      stop()
      world.schedule.after(world.dice.within(50...6_000)) { self.goOn() }
    }
  }

  // MARK: - The log

  func wake(_ partition: Int) {
    guard let life, life.isAlive, !isPolling[partition] else { return }
    isPolling[partition] = true
    life.later(world.dice.within(1...world.weather.tailDelay)) { self.poll(partition) }
  }

  private func poll(_ partition: Int) {
    isPolling[partition] = false
    let messages = world.kafka.read(partition, from: next[partition], atMost: world.dice.within(1...6))
    guard !messages.isEmpty else { return }
    passCrashPoint(oneIn: 4)
    guard isUp else { return }
    if let first = messages.first, first.offset == 0 {
      watch?.read(first: first.firstHash, of: Int32(partition))
    }
    next[partition] += Int64(messages.count)
    life?.run { self.admission?.took(self.world.mutated(read: messages)) }
    if next[partition] < world.kafka.end(partition) { wake(partition) }
  }

  func delivered(_ ticket: PublishTicket) {
    if admission?.hearsOfDeliveries == true { admission?.delivered(ticket) }
  }

  func deliveryFailed(_ ticket: PublishTicket, _ problem: DeliveryProblem, _ value: [UInt8]) {
    if case .success(.claim(let claim)) = LogCodec.read(value),
      let request = world.request(issuedAt: claim.issuedAt)
    {
      if request.answer != nil { world.race(.r15) }
      request.person.hadFailedDelivery = true
    }
    admission?.deliveryFailed(ticket, problem)
  }

  func events(of policy: PolicyID, after: Int64, limit: Int, deadline: Instant) async -> EventsAnswer {
    .events([])
  }

  // MARK: - Requests

  func receive(_ request: SimRequest) {
    guard let life, life.isAlive else { return world.schedule.after(5) { request.end(nil) } }
    waiting[request.number] = request
    life.later(world.dice.within(0...4)) { self.handle(request, life) }
  }

  private func handle(_ request: SimRequest, _ life: Life) {
    guard let admission else { return }
    request.admittedAt(world.wall, day: world.today)
    let asked = IssueRequest(
      policyID: request.person.policyID, userID: request.person.id, time: request.time,
      deadline: world.instant(request.deadline), traceparent: nil)
    let service = Mutations.service(admission.coupons, world)
    service.issue(asked) { answer in life.run { self.answer(request, answer) } }
  }

  /// What Redis said to the latest request of a person; for the races.
  func gateAnswered(_ commands: [[String]], _ replies: [RedisReply]) {
    guard commands.count == 2, replies.count == 2, let count = replies[0].integer,
      let added = replies[1].integer
    else { return }
    let person = commands[1][2]
    let request = waiting.values.filter { $0.person.id.description == person }.max { $0.number < $1.number }
    request?.tookSlot = added == 1
    request?.wasMember = added == 0
    if added == 1, let request { world.checker.noteGate(request, count: Int(count)) }
  }

  func removalWasLost(_ person: String) {
    for known in world.people where known.id.description == person { known.hadLostRemoval = true }
  }

  private func answer(_ request: SimRequest, _ answer: IssueAnswer) {
    guard waiting.removeValue(forKey: request.number) != nil else {
      return world.checker.fail("a request of \(request.person.id) was answered twice")
    }
    request.answer = answer
    world.tell("\(name) answers \(request.person.id): \(Story.words(answer))")
    world.checker.answered(request, answer, by: self)
    guard !world.dice.chance(world.weather.responseLost) else {
      return world.schedule.after(World.deadline) { request.end(nil) }
    }
    world.schedule.after(world.dice.within(0...4)) { request.end(answer) }
  }

  // MARK: - Policies

  /// Creates a policy as an operator does; nil where this process is away.
  func create(_ draft: PolicyDraft, _ done: @escaping @LoopActor (CreateAnswer?) -> Void) {
    guard let life, life.isAlive, !life.isStopped, let admission else { return done(nil) }
    let deadline = world.instant + .milliseconds(World.deadline)
    EventLoop.shared.spawn {
      let answer = await admission.coupons.create(draft, deadline: deadline)
      done(life.isAlive ? answer : nil)
    }
  }
}
