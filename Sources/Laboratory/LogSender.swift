import EventLoop
import Kafka
import Terminal

/// Sends messages to the log, a bounded number at a time, and counts what has been acknowledged.
@LoopActor
final class LogSender {
  private let topic: String
  private let configuration: KafkaConfiguration
  private let window: Int
  private var producer: KafkaProducer?
  private var sent = 0
  private var acknowledged = 0
  private var failure: String?

  /// - Parameter window: messages under way at most.
  init(_ configuration: KafkaConfiguration, topic: String, window: Int = 1_000) {
    (self.configuration, self.topic, self.window) = (configuration, topic, window)
  }

  /// - Throws: `LabFailure` once the log has not taken a message.
  func send(to partition: Int32, key: [UInt8], _ value: [UInt8]) async throws {
    let producer = try self.producer ?? start()
    while sent - acknowledged >= window, failure == nil {
      await EventLoop.shared.sleep(for: .milliseconds(1))
    }
    try check()
    sent += 1
    try producer.produce(topic: topic, partition: partition, key: key, value: value, id: UInt64(sent))
  }

  /// Waits for the messages in flight.
  ///
  /// - Returns: how many messages the log has taken.
  func end(by deadline: Instant) async throws -> Int {
    await producer?.close(deadline: deadline)
    try check()
    return acknowledged
  }

  private func check() throws(LabFailure) {
    if let failure { throw LabFailure("the log does not take messages: \(failure)") }
  }

  private func start() throws -> KafkaProducer {
    let producer = try KafkaProducer(
      configuration: configuration, options: .init(reports: .all, messageTimeout: .seconds(30))
    ) { [weak self] _, delivery in
      switch delivery {
      case .delivered: self?.acknowledged += 1
      case .notPersisted(let reason), .possiblyPersisted(let reason): self?.failure = self?.failure ?? reason
      }
    }
    self.producer = producer
    return producer
  }
}
