internal import Crdkafka
package import EventLoop

/// Whom a pump's events are for; the pump holds it until `stop`.
@LoopActor
protocol EventTaker: AnyObject {
  /// Takes one event; subtracts what it took from the turn's budget.
  func take(_ event: OpaquePointer, _ budget: inout Int) -> EventPump.Answer
  /// The turn's events are taken; whether nothing is left in the queue.
  func turned(isDrained: Bool)
}

/// Carries the events of one of librdkafka's queues to the loop: the library writes to a descriptor when the queue stops being empty, and
/// the loop takes a bounded number of events a turn.
///
///     library's threads ─▶ queue ─ byte ─▶ Wakeup ─▶ drain ≤ bound ─▶ take…, turned
///                                              ▲                │ bound reached
///                                              └──── byte ──────┘
@LoopActor
package final class EventPump {
  enum Answer {
    /// Nothing is left of the event.
    case done
    /// The same event is handed over again, in this turn or the next.
    case unfinished
  }

  /// Why nothing is taken for now.
  enum Hold {
    /// The owner holds as much as it may.
    case full
    /// Something stands between the reader and its broker.
    case shut
  }

  /// A turn takes events for no longer than this, whatever each of them costs.
  private static let turnLimit = Duration.milliseconds(1)
  /// Events between two looks at the clock.
  private static let eventsALook = 32

  private let queue: OpaquePointer
  private let bound: Int
  private var owner: (any EventTaker)?
  private var wakeup: Wakeup?
  private var current: OpaquePointer?
  private var isDraining = false
  private var holds: Set<Hold> = []

  /// Takes over one reference to `queue`.
  init(
    owning queue: OpaquePointer, bound: Int, for owner: any EventTaker
  ) throws(KafkaError) {
    (self.queue, self.bound, self.owner) = (queue, bound, owner)
    do {
      wakeup = try Wakeup { self.drain() }
    } catch {
      rd_kafka_queue_destroy(queue)
      throw KafkaError.unavailable("\(error)")
    }
    if let wakeup { rd_kafka_queue_io_event_enable(queue, wakeup.descriptor, "k", 1) }
    wake()  // for what is in the queue already
  }

  /// Whether an event waits here that was taken off the library's queue before a hold.
  var hasPolled: Bool { current != nil && !isDraining }

  /// Looks at the queue in the next turn.
  func wake() {
    if let wakeup { Platform.ring(wakeup.descriptor) }
  }

  /// Takes nothing until every hold is released; what arrives stays in the library's queue.
  func hold(_ reason: Hold) { holds.insert(reason) }

  func release(_ reason: Hold) {
    if holds.remove(reason) != nil, holds.isEmpty { wake() }
  }

  /// The end; the client must be destroyed after it.
  func stop() {
    guard let wakeup else { return }
    rd_kafka_queue_io_event_enable(queue, -1, nil, 0)
    wakeup.close()
    (self.wakeup, owner) = (nil, nil)
    if !isDraining { free() }
  }

  private func drain() {
    guard wakeup != nil, !isDraining, let owner else { return }
    isDraining = true
    var budget = bound
    var look = bound - Self.eventsALook
    let end = Instant.now + Self.turnLimit
    while budget > 0, wakeup != nil, holds.isEmpty {
      if budget <= look {
        EventLoop.shared.rereadTime()
        if EventLoop.shared.turnTime >= end { budget = 0 }
        look = budget - Self.eventsALook
        continue
      }
      guard let event = current ?? rd_kafka_queue_poll(queue, 0) else { break }
      current = event
      switch owner.take(event, &budget) {
      case .unfinished: continue
      case .done:
        rd_kafka_event_destroy(event)
        current = nil
      }
    }
    owner.turned(isDrained: budget > 0)
    isDraining = false
    if wakeup == nil { free() } else if budget <= 0, holds.isEmpty { wake() }
  }

  private func free() {
    if let current { rd_kafka_event_destroy(current) }
    current = nil
    rd_kafka_queue_destroy(queue)
  }
}
