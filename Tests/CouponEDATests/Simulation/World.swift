import CouponDomain
import CouponStore
import EventLoop
import Text

/// One schedule: servers, processes and people under a seed, and the checker that watches them.
final class World {
  static let deadline = 2_000
  static let messageTimeout = 3_000
  static let reconcileInterval = 1_000
  static let key: CouponKey = {
    guard let key = CouponKey("a key of the simulation") else { preconditionFailure("a bad key") }
    return key
  }()
  /// What every reader begins with.
  static let ledger = LogLedger(key: key) { Int32(SimKafka.partition(of: $0)) }
  static let dayZero = Day(number: 20_000)

  let seed: UInt64
  let mistake: Mistake?
  var dice: Dice
  var weather = Weather()
  let schedule = Schedule()
  let redis = SimRedis()
  let database = SimDatabase()
  private(set) lazy var kafka = SimKafka(self)
  private(set) lazy var checker = Checker(self)
  private(set) var apis: [SimAPI] = []
  private(set) var workers: [SimWorker] = []
  private(set) var people: [SimPerson] = []
  private(set) var requests: [SimRequest] = []
  private(set) var races: Set<Race> = []
  private(set) var isHealed = false

  /// When the day changes; beyond the end of the schedule where it does not.
  private(set) var midnight = 10_000_000
  private var opensAfter = 0

  init(seed: UInt64, mistake: Mistake? = nil) {
    (self.seed, self.mistake) = (seed, mistake)
    dice = Dice(seed: seed)
  }

  var now: Int { schedule.now }
  func after(_ milliseconds: Int, _ action: @escaping () -> Void) { schedule.after(milliseconds, action) }
  func race(_ race: Race) { races.insert(race) }

  // MARK: - Clocks

  var instant: Instant { Instant(nanoseconds: UInt64(now) * 1_000_000) }
  var timestamp: Timestamp { timestamp(now) }
  var today: Day { now < midnight ? World.dayZero : World.dayZero.advanced(by: 1) }

  func timestamp(_ milliseconds: Int) -> Timestamp {
    Timestamp(microseconds: 1_700_000_000_000_000 + Int64(milliseconds) * 1_000)
  }

  var window: DayWindow {
    let dawn = -40_000_000
    return now < midnight
      ? DayWindow(
        day: World.dayZero, startsAt: timestamp(dawn), opensAt: timestamp(opensAfter),
        endsAt: timestamp(midnight), followingOpensAt: timestamp(midnight + opensAfter))
      : DayWindow(
        day: World.dayZero.advanced(by: 1), startsAt: timestamp(midnight),
        opensAt: timestamp(midnight + opensAfter), endsAt: timestamp(midnight + 80_000_000),
        followingOpensAt: nil)
  }

  func milliseconds(of time: Timestamp) -> Int {
    Int((time.microseconds - 1_700_000_000_000_000) / 1_000)
  }

  // MARK: - The play

  /// Plays the schedule to its end; what is wrong is in `checker.violations`.
  func play() {
    weather = Weather.draw(&dice)
    let healing = dice.within(5_000...12_000)
    if dice.chance(40) { midnight = dice.within(800...(healing - 500)) }
    opensAfter = dice.pick([0, 0, 0, 250])
    let policies = makePolicies()
    apis = (0..<dice.within(1...3)).map { SimAPI($0, self) }
    workers = (0..<2).map { SimWorker($0, self) }
    create(policies[0])
    for api in apis { api.start() }
    workers[0].start()
    if policies.count > 1 {
      schedule.at(dice.within(1...2_000)) { self.create(policies[1]) }
    }
    gather(policies)
    Disasters(self).sow(weather.disasters, until: healing)
    schedule.run(until: healing) { self.checker.hasFailed }
    heal(policies)
    schedule.run(until: healing + 90_000) { self.checker.hasFailed || self.isSettled }
    checker.finish(policies)
  }

  private func makePolicies() -> [Policy] {
    (1...dice.pick([1, 1, 2])).compactMap { number in
      guard let id = PolicyID(number), let opensAt = TimeOfDay(seconds: 0) else { return nil }
      return try? Policy(
        id: id, name: "policy \(number)", startsOn: World.dayZero, endsOn: World.dayZero.advanced(by: 1),
        opensAt: opensAt, timeZone: "UTC", dailyQuota: dice.within(1...5),
        perPerson: dice.chance(50) ? .once : .daily)
    }
  }

  private func create(_ policy: Policy) {
    if database.isDown { race(.r19) }
    let created = PolicyCreated(eventID: nextEventID(), policy: policy, key: World.key)
    kafka.append(.success(.policyCreated(created)), SimKafka.partition(of: policy.id))
  }

  private func gather(_ policies: [Policy]) {
    for number in 0..<dice.within(3...14) {
      let person = SimPerson("p\(number)", policy: dice.pick(policies).id, self)
      people.append(person)
      schedule.at(dice.within(0...dice.pick([300, 3_000]))) { person.ask() }
    }
  }

  /// Everything works again. Whoever is left asks until the answer is known, and new people fill the day.
  private func heal(_ policies: [Policy]) {
    isHealed = true
    weather = .fine
    kafka.isDown = false
    database.isDown = false
    redis.goOn()
    for api in apis { api.heal() }
    workers[0].heal()
    workers[1].crash()
    for policy in policies { checker.noteGhosts(SetKey(policyID: policy.id, day: today), policy) }
    for person in people { after(dice.within(1...2_000)) { person.beginLastRound() } }
    for policy in policies {
      for number in 0..<(policy.dailyQuota + 1) {
        let person = SimPerson("late\(policy.id)-\(number)", policy: policy.id, self)
        people.append(person)
        after(dice.within(1...3_000)) { person.beginLastRound() }
      }
    }
  }

  private var isSettled: Bool {
    people.allSatisfy { $0.isGone || $0.isSatisfied } && kafka.inFlight == 0
      && (0..<SimKafka.partitions).allSatisfy { database.nextOffsets[$0] == kafka.end($0) }
  }

  // MARK: - What happens

  func appended(_ record: ReadEntry, _ partition: Int) {
    checker.appended(record, partition)
    for api in apis { api.wake(partition) }
    for worker in workers { worker.wake(partition) }
  }

  func poison(_ partition: Int) { kafka.append(.failure(.poison(reason: "poison")), partition) }

  func keep(_ request: SimRequest) { requests.append(request) }

  private var eventIDs: UInt64 = 0
  func nextEventID() -> EventID {
    eventIDs += 1
    return EventID(high: seed, low: eventIDs)
  }
}
