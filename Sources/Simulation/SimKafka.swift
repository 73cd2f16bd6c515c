import CouponAdmission
import CouponDomain
import CouponLog
import CouponStore
import EventLoop
import Kafka

/// A log that appends, in an order of its own: late, twice, after it was given up, or never.
@LoopActor
final class SimKafka {
  /// What becomes of one message.
  enum Fate {
    case appended
    case appendedTwice
    case notPersisted
    case reportLost
    case appendedAfterReport
    case neverAppended
  }

  nonisolated static let partitions = 2
  private(set) var logs: [[KafkaMessage]] = Array(repeating: [], count: SimKafka.partitions)
  /// The group's offsets: a hint for tools.
  var groupOffsets: [Int64] = Array(repeating: 0, count: SimKafka.partitions)
  var isDown = false
  /// Messages on their way.
  private(set) var inFlight = 0

  private unowned let world: World

  init(_ world: World) { self.world = world }

  nonisolated static func partition(of policy: PolicyID) -> Int {
    Int(LogLedger.partition(of: policy, of: partitions))
  }

  func end(_ partition: Int) -> Int64 { Int64(logs[partition].count) }

  func read(_ partition: Int, from offset: Int64, atMost count: Int) -> [KafkaMessage] {
    guard !isDown, offset >= 0, offset < end(partition) else { return [] }
    return Array(logs[partition][Int(offset)..<min(logs[partition].count, Int(offset) + count)])
  }

  /// Sends a message of a process; `report` without a problem means delivered, and is called in that process.
  func produce(
    _ value: [UInt8], _ partition: Int, fate: Fate, by life: Life,
    report: @escaping @LoopActor (DeliveryProblem?) -> Void
  ) {
    inFlight += 1
    send(value, partition, fate: fate, until: world.now + World.messageTimeout, by: life) { problem in
      life.run { report(problem) }
    }
  }

  private func send(
    _ value: [UInt8], _ partition: Int, fate: Fate, until: Int, by life: Life,
    report: @escaping @LoopActor (DeliveryProblem?) -> Void
  ) {
    guard life.isAlive else { return inFlight -= 1 }
    if isDown {
      guard world.now < until else {
        inFlight -= 1
        return report(.notPersisted)
      }
      return world.schedule.after(100) {
        self.send(value, partition, fate: fate, until: until, by: life, report: report)
      }
    }
    let delay = world.dice.within(1...12)
    let late = World.messageTimeout + world.dice.within(0...1000)
    switch fate {
    case .appended, .appendedTwice:
      world.schedule.after(delay) {
        self.land(value, partition)
        report(self.world.mutatedReport)
      }
      guard fate == .appendedTwice else { return }
      world.schedule.after(delay + world.dice.within(0...900)) { self.append(value, partition) }
    case .notPersisted:
      world.schedule.after(world.dice.within(1...World.messageTimeout)) {
        self.inFlight -= 1
        report(.notPersisted)
      }
    case .reportLost:
      world.schedule.after(delay) { self.land(value, partition) }
      world.schedule.after(late) {
        self.world.checker.reportWasLost(value)
        report(.possiblyPersisted)
      }
    case .appendedAfterReport:
      world.schedule.after(late) { report(.possiblyPersisted) }
      world.schedule.after(late + world.dice.within(1...4000)) {
        self.world.race(.r4)
        self.land(value, partition)
      }
    case .neverAppended:
      world.schedule.after(late) {
        self.inFlight -= 1
        report(.possiblyPersisted)
      }
    }
  }

  private func land(_ value: [UInt8], _ partition: Int) {
    inFlight -= 1
    append(value, partition)
  }

  func append(_ value: [UInt8], _ partition: Int) {
    let message = KafkaMessage(
      partition: Int32(partition), offset: end(partition), timestamp: Int64(world.now), key: [], value: value)
    logs[partition].append(message)
    world.appended(message)
  }
}

/// One process' producer.
@LoopActor
final class SimOutlet: LogOutlet {
  private unowned let api: SimAPI
  private unowned let world: World
  private let life: Life

  init(_ api: SimAPI, _ life: Life, _ world: World) {
    (self.api, self.life, self.world) = (api, life, world)
  }

  func publish(_ value: [UInt8], at route: LogRoute, ticket: PublishTicket, traceparent: String?) -> Bool {
    guard life.isAlive else { return true }
    guard !world.dice.chance(world.weather.queueFull) else { return false }
    // Between Redis' answer and the publishing: the process may die or be stopped here.
    api.passCrashPoint(value)
    let value = world.mutated(message: value)
    let partition = world.mutant == .wrongPartition ? 1 - route.partition : route.partition
    let fate = fate()
    let delay = world.mutant == .publishedAfterRefusal ? World.deadline + 10 : 0
    life.later(delay) {
      self.world.checker.published(value)
      guard self.world.mutant != .messageForgotten else { return }
      self.world.kafka.produce(value, partition, fate: fate, by: self.life) { problem in
        guard let problem else { return self.api.delivered(ticket) }
        self.api.deliveryFailed(ticket, problem, value)
      }
      if self.world.dice.chance(self.world.weather.poison) { self.world.poison(route.partition) }
    }
    return world.mutant != .sentIsRefused && world.mutant != .publishedAfterRefusal
  }

  /// Messages go at once or later, as the dice fall.
  func flush() {}

  private func fate() -> SimKafka.Fate {
    let weather = world.weather
    if world.dice.chance(weather.notPersisted) { return .notPersisted }
    if world.dice.chance(weather.reportLost) { return .reportLost }
    if world.dice.chance(weather.appendedAfterReport) { return .appendedAfterReport }
    if world.dice.chance(weather.neverAppended) { return .neverAppended }
    return world.dice.chance(weather.duplicated) ? .appendedTwice : .appended
  }
}
