internal import CouponDomain
internal import CouponStore
internal import EventLoop
internal import Kafka
import Terminal

/// Writes the log, a bounded number of messages at a time.
@LoopActor
final class LogWriter {
  private let topic: String
  private let partitions: Int
  private var producer: KafkaProducer?
  private var (sent, done) = (0, 0)
  private var failure: String?

  init(_ configuration: KafkaConfiguration, topic: String, partitions: Int) throws {
    (self.topic, self.partitions) = (topic, partitions)
    producer = try KafkaProducer(
      configuration: configuration, options: .init(reports: .all, messageTimeout: .seconds(60))
    ) { [weak self] _, delivery in
      guard let self else { return }
      if case .delivered = delivery { done += 1 } else { failure = "\(delivery)" }
    }
  }

  func send(_ value: [UInt8], of policy: PolicyID) async throws {
    while sent - done >= 20_000, failure == nil { await EventLoop.shared.sleep(for: .milliseconds(1)) }
    if let failure { throw LabFailure("the log does not take messages: \(failure)") }
    sent += 1
    let key = Names.logKey(of: policy)
    try producer?.produce(
      topic: topic, partition: murmur2Partition(key: key, partitions: partitions), key: key, value: value,
      id: UInt64(sent))
  }

  func end() async throws {
    await producer?.close(deadline: .now + .seconds(60))
    if let failure { throw LabFailure("the log does not take messages: \(failure)") }
    guard sent == done else { throw LabFailure("the log has taken \(done) of \(sent) messages") }
  }
}
