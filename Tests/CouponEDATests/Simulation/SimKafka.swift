import CouponAdmission
import CouponDomain
import CouponStore

/// A log that appends, in an order of its own: late, twice, after it was given up, or never.
final class SimKafka {
  struct Record {
    let record: ReadEntry
    let time: Int
  }

  /// What becomes of one message.
  enum Fate {
    case appended
    case appendedTwice
    case notPersisted
    case reportLost
    case appendedAfterReport
    case neverAppended
  }

  static let partitions = 2
  private(set) var logs: [[Record]] = Array(repeating: [], count: SimKafka.partitions)
  /// The group's offsets: a hint for the worker.
  var groupOffsets: [Int64] = Array(repeating: 0, count: SimKafka.partitions)
  var isDown = false
  /// Messages on their way.
  private(set) var inFlight = 0

  private unowned let world: World

  init(_ world: World) { self.world = world }

  static func partition(of policy: PolicyID) -> Int { Int(policy.value) % partitions }

  func end(_ partition: Int) -> Int64 { Int64(logs[partition].count) }

  func read(_ partition: Int, from offset: Int64, atMost count: Int) -> [(offset: Int64, record: ReadEntry)] {
    guard !isDown, offset < end(partition) else { return [] }
    let log = logs[partition]
    return (Int(offset)..<min(log.count, Int(offset) + count)).map { (Int64($0), log[$0].record) }
  }

  /// Sends a message. `isAlive` says whether the sender still runs; `report` without a problem means delivered.
  func produce(
    _ record: ReadEntry, _ partition: Int, fate: Fate, isAlive: @escaping () -> Bool,
    report: @escaping (DeliveryProblem?) -> Void
  ) {
    inFlight += 1
    send(
      record, partition, fate: fate, until: world.now + World.messageTimeout, isAlive: isAlive, report: report
    )
  }

  private func send(
    _ record: ReadEntry, _ partition: Int, fate: Fate, until: Int, isAlive: @escaping () -> Bool,
    report: @escaping (DeliveryProblem?) -> Void
  ) {
    guard isAlive() else { return inFlight -= 1 }
    if isDown {
      guard world.now < until else {
        inFlight -= 1
        return report(.notPersisted)
      }
      return world.after(100) {
        self.send(record, partition, fate: fate, until: until, isAlive: isAlive, report: report)
      }
    }
    let delay = world.dice.within(1...12)
    let late = World.messageTimeout + world.dice.within(0...1000)
    switch fate {
    case .appended, .appendedTwice:
      world.after(delay) {
        self.land(record, partition)
        report(nil)
      }
      guard fate == .appendedTwice else { return }
      world.after(delay + world.dice.within(0...900)) { self.append(record, partition) }
    case .notPersisted:
      world.after(world.dice.within(1...World.messageTimeout)) {
        self.inFlight -= 1
        report(.notPersisted)
      }
    case .reportLost:
      world.after(delay) { self.land(record, partition) }
      world.after(late) { report(.possiblyPersisted) }
    case .appendedAfterReport:
      world.after(late) { report(.possiblyPersisted) }
      world.after(late + world.dice.within(1...4000)) {
        self.world.race(.r4)
        self.land(record, partition)
      }
    case .neverAppended:
      world.after(late) {
        self.inFlight -= 1
        report(.possiblyPersisted)
      }
    }
  }

  private func land(_ record: ReadEntry, _ partition: Int) {
    inFlight -= 1
    append(record, partition)
  }

  func append(_ record: ReadEntry, _ partition: Int) {
    logs[partition].append(Record(record: record, time: world.now))
    world.appended(record, partition)
  }
}
