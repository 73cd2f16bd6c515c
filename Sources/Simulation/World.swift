import CouponAPI
import CouponDomain
import CouponLog
import CouponStore
import EventLoop
import Kafka
import Text

/// One schedule: servers, processes and people under a plan, and the checker that watches them.
@LoopActor
final class World {
  nonisolated static let deadline = 2_000
  nonisolated static let messageTimeout = 3_000
  nonisolated static let key: CouponKey = {
    guard let key = CouponKey("a key of the simulation") else { preconditionFailure("a bad key") }
    return key
  }()
  /// What every reader begins with.
  nonisolated static let ledger = LogLedger(key: key, partitions: SimKafka.partitions)
  nonisolated static let dayZero = Day(number: 20_000)
  /// Later than every schedule.
  nonisolated static let never = Instant(nanoseconds: 1 << 62)
  private nonisolated static let dawn: Int64 = 1_000_000

  let plan: Plan
  let mutant: Mutant?
  var dice: Dice
  var weather: Weather
  let schedule = Schedule()
  let redis = SimRedis()
  let database = SimDatabase()
  private(set) lazy var kafka = SimKafka(self)
  private(set) lazy var checker = Checker(self)
  private(set) lazy var coordinator = SimCoordinator(self)
  private(set) var apis: [SimAPI] = []
  private(set) var workers: [SimWorker] = []
  private(set) var people: [SimPerson] = []
  private(set) var requests: [SimRequest] = []
  private(set) var races: Set<Race> = []
  private(set) var isHealed = false
  private(set) var policies: [Policy] = []
  private var byTime: [Timestamp: SimRequest] = [:]
  private var ended: [Life] = []
  /// Kept where somebody wants to read it.
  private(set) var story: [String]?

  init(_ plan: Plan, mutant: Mutant? = nil, keepsStory: Bool = false) {
    (self.plan, self.mutant) = (plan, mutant)
    dice = Dice(seed: plan.fates)
    weather = plan.weather
    story = keepsStory ? [] : nil
  }

  var now: Int { schedule.now }
  func race(_ race: Race) { races.insert(race) }

  func tell(_ line: @autoclosure () -> String) {
    if story != nil { story?.append("\(Story.time(now))  \(line())") }
  }

  // MARK: - Clocks

  var instant: Instant { instant(now) }
  func instant(_ milliseconds: Int) -> Instant {
    Instant(nanoseconds: UInt64(World.dawn + Int64(milliseconds)) * 1_000_000)
  }

  /// Not before the moment.
  func milliseconds(of instant: Instant) -> Int {
    Int((min(instant, World.never).nanoseconds + 999_999) / 1_000_000) - Int(World.dawn)
  }

  var wall: Timestamp { timestamp(now) }
  var today: Day { plan.midnight.map { now >= $0 } == true ? World.dayZero.advanced(by: 1) : World.dayZero }

  /// Where the day changes it does so in UTC; else it is noon, and the day opens about then.
  private var wallAtStart: Int64 {
    let day: Int64 = 86_400_000
    if let midnight = plan.midnight { return 20_001 * day - Int64(midnight) }
    return 20_000 * day + day / 2 - Int64(plan.opensAfter)
  }

  func timestamp(_ milliseconds: Int) -> Timestamp {
    Timestamp(microseconds: (wallAtStart + Int64(milliseconds)) * 1_000)
  }

  func milliseconds(of time: Timestamp) -> Int { Int(time.microseconds / 1_000 - wallAtStart) }

  private var opensAt: TimeOfDay? {
    plan.midnight == nil ? TimeOfDay(seconds: 43_200) : TimeOfDay(seconds: plan.opensAfter / 1_000)
  }

  /// Whether the day is open at this moment, worked out without the product's calendar.
  func isOpen(_ time: Timestamp) -> Bool {
    let elapsed = milliseconds(of: time)
    guard let midnight = plan.midnight else { return elapsed >= plan.opensAfter }
    return elapsed < midnight || elapsed >= midnight + plan.opensAfter
  }

  // MARK: - The play

  /// Plays the schedule to its end; what is wrong is in `checker.violations`.
  func play() async {
    policies = makePolicies()
    apis = (0..<plan.apis).map { SimAPI($0, self) }
    workers = (0..<2).map { SimWorker($0, self) }
    for api in apis { api.start() }
    workers[0].start()
    for (number, policy) in policies.enumerated() {
      schedule.at(plan.policies[number].createdAt) { self.create(policy) }
    }
    for visitor in plan.visitors {
      let person = SimPerson(visitor.name, policy: policies[visitor.policy].id, self)
      people.append(person)
      schedule.at(visitor.comesAt) { person.ask() }
    }
    for time in stride(from: 300, to: plan.healsAt, by: 700) { schedule.at(time) { self.database.backUp() } }
    Disasters(self).sow()
    await run(until: plan.healsAt) { self.checker.hasFailed }
    heal()
    await run(until: plan.healsAt + 90_000) { self.checker.hasFailed || self.isSettled }
    if !checker.hasFailed, isSettled { await meetOtherLogs() }
    checker.finish(policies)
    await end()
  }

  private func run(until end: Int, isOver: @LoopActor () -> Bool) async {
    await schedule.run(until: end) { isOver() || self.checker.hasFailed }
    await decay()
  }

  private func makePolicies() -> [Policy] {
    plan.policies.enumerated().compactMap { number, new in
      guard let id = PolicyID(number + 1), let opensAt else { return nil }
      return try? Policy(
        id: id, name: "policy \(number + 1)", startsOn: World.dayZero,
        endsOn: World.dayZero.advanced(by: 1), opensAt: opensAt, timeZone: "UTC", dailyQuota: new.quota,
        perPerson: new.perPerson)
    }
  }

  /// An operator's call, again and again until it is answered; sometimes two at once.
  private func create(_ policy: Policy) {
    if database.isDown { race(.r19) }
    let draft = PolicyDraft(id: policy.id, template: policy)
    dice.pick(apis).create(draft) { answer in
      switch answer {
      case .policy(let made, _):
        if made != policy { self.checker.fail("another policy \(policy.id) was created") }
        self.tell("the operator has policy \(policy.id): quota \(policy.dailyQuota), \(policy.perPerson)")
        self.checker.created(policy)
      case .conflict, .noneFree: self.checker.fail("policy \(policy.id) was refused")
      case .trouble, nil: self.schedule.after(self.dice.within(50...400)) { self.create(policy) }
      }
    }
  }

  /// Everything works again. Whoever is left asks until the answer is known, and new people fill the day.
  private func heal() {
    tell("everything works again")
    isHealed = true
    weather = .fine
    kafka.isDown = false
    database.isDown = false
    redis.goOn()
    for api in apis { api.heal() }
    workers[0].heal()
    workers[1].goOn()
    workers[1].crash()
    wakeAll()
    for policy in policies { checker.noteGhosts(policy) }
    for person in people { schedule.after(dice.within(1...2_000)) { person.beginLastRound() } }
    for policy in policies {
      for number in 0..<(policy.dailyQuota + 1) {
        let person = SimPerson("late\(policy.id)-\(number)", policy: policy.id, self)
        people.append(person)
        schedule.after(dice.within(1...3_000)) { person.beginLastRound() }
      }
    }
  }

  private var isSettled: Bool {
    people.allSatisfy(\.isDone) && kafka.inFlight == 0
      && (0..<SimKafka.partitions).allSatisfy { database.nextOffset($0) == kafka.end($0) }
      && apis.allSatisfy { $0.waiting.isEmpty }
  }

  /// R20: the topic was made anew, lost its beginning, has other partitions or is shorter: a worker refuses each of them.
  private func meetOtherLogs() async {
    guard (0..<SimKafka.partitions).allSatisfy({ database.nextOffset($0) > 0 }) || plan.seed % 8 == 0,
      kafka.end(0) + kafka.end(1) > 0
    else { return }
    workers[0].crash()
    for (index, shown) in SimQuestions.Shown.allCases.enumerated() where shown != .real {
      if shown == .madeAnew || shown == .shorter {
        guard database.nextOffset(0) > 0, database.nextOffset(1) > 0 else { continue }
      }
      let stranger = SimWorker(10 + index, self, shown: shown)
      strangers.append(stranger)
      await decay()
      await run(until: now + 700) { false }
      stranger.start()
      await run(until: now + 3_000) { stranger.failure != nil }
      if stranger.failure == nil { checker.fail("R20: a log that is \(shown) is read") }
      stranger.crash()
    }
    race(.r20)
  }

  // MARK: - What happens

  func appended(_ message: KafkaMessage) {
    checker.appended(message)
    wakeAll()
  }

  func wakeAll() {
    for partition in 0..<SimKafka.partitions { for api in apis { api.wake(partition) } }
    for worker in workers { worker.group?.wake() }
  }

  func poison(_ partition: Int) {
    kafka.append(
      dice.pick([[], Array("{".utf8), Array(#"{"type":"CouponIssued","version":1}"#.utf8), [0xff, 0]]),
      partition)
  }

  func keep(_ request: SimRequest) { requests.append(request) }

  /// The request that a claim was made by.
  func request(issuedAt time: Timestamp) -> SimRequest? {
    requests.last { $0.time == time }
  }

  // MARK: - The end

  func bury(_ life: Life) {
    if !ended.contains(where: { $0 === life }) { ended.append(life) }
    if !isBurying {
      isBurying = true
      schedule.after(0) {
        self.isBurying = false; self.decayOnce()
      }
    }
  }

  private var isBurying = false
  private var strangers: [SimWorker] = []

  private func decayOnce() {
    let lives = ended
    ended = []
    for life in lives { life.decay() }
  }

  private func decay() async {
    await Schedule.settle()
    for _ in 0..<1_000 where !ended.isEmpty {
      decayOnce()
      await Schedule.settle()
    }
  }

  /// Ends every process, so that no task is left.
  private func end() async {
    for api in apis { api.life?.end() }
    for worker in workers { worker.life?.end() }
    await decay()
    schedule.clear()
    // Each program knows its process and the other way round.
    for api in apis { api.forget() }
    for worker in workers + strangers { worker.forget() }
  }
}
