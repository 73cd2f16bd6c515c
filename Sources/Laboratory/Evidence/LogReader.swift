import CouponDomain
import CouponStore
import EventLoop
import Kafka
import Terminal
import Verify
import Text

/// Reads the whole topic, from its first message to where it ends when the reading begins.
@LoopActor
final class LogReader {
  private let log: LabState.Log
  private let topic: String
  private let policy: PolicyID
  private var ledger: LogLedger
  private var messages: [LogEvidence.Message] = []

  init(_ state: LabState, _ log: LabState.Log, policy: PolicyID) throws {
    guard let key = CouponKey(state.couponKey) else {
      throw LabFailure("the laboratory's COUPON_KEY is too short")
    }
    let partitions = log.partitions
    (self.log, topic, self.policy) = (log, state.topic, policy)
    ledger = LogLedger(key: key) { murmur2Partition(key: Names.logKey(of: $0), partitions: partitions) }
  }

  /// - Throws: `LabFailure` where the log has a gap, cannot be understood or is not read within `limit`.
  func read(within limit: Duration = .seconds(60)) async throws -> LogEvidence {
    let configuration = log.client("lab-verify")
    do {
      try await TopicReading.read(
        topic, at: configuration, valueLimit: BatchRecord.readBytes, deadline: .now + limit
      ) { try self.take($0) }
    } catch let failure as TopicReading.Failure {
      throw LabFailure(explanation(of: failure, limit))
    }
    return LogEvidence(
      messages: messages, committed: await committed(configuration), policy: ledger[policy]?.policy)
  }

  /// The worker group's committed offsets; nil where they cannot be read.
  private func committed(_ configuration: KafkaConfiguration) async -> [Int32: Int64]? {
    guard let admin = try? KafkaAdmin(configuration: configuration) else { return nil }
    let offsets = try? await admin.committed(
      by: Names.consumerGroup(topic: topic), of: topic, partitions: log.partitions,
      deadline: .now + .seconds(30))
    await admin.close()
    return offsets
  }

  private func take(_ batch: [KafkaMessage]) throws(LabFailure) {
    for message in batch {
      let content = try content(message)
      let appendedAt = Timestamp(microseconds: message.timestamp * 1_000)
      messages.append(
        .init(
          partition: message.partition, offset: message.offset, appendedAt: appendedAt, content: content))
    }
  }

  private func content(_ message: KafkaMessage) throws(LabFailure) -> LogEvidence.Message.Content {
    switch ledger.apply(message.value, partition: message.partition) {
    case .issued(let coupon): return coupon.claim.policyID == policy ? .claim(coupon.claim) : .other
    case .dropped(let claim, _): return claim.policyID == policy ? .claim(claim) : .other
    case .policyCreated, .duplicatePolicy: return .other
    case .deadLetter(let reason): return .poison(reason)
    case .stop(let reason):
      throw LabFailure("the log cannot be understood at \(message.partition)/\(message.offset): \(reason)")
    }
  }

  private func explanation(of failure: TopicReading.Failure, _ limit: Duration) -> String {
    switch failure {
    case .late: "the log could not be read to its end within \(limit.components.seconds) s"
    case .damaged(.gap(let partition, let expected, let found)):
      "the log has a gap: partition \(partition) goes from \(expected) to \(found)"
    case .damaged(.reset(let partition, let reason)):
      "the log has lost its beginning: partition \(partition): \(reason)"
    case .damaged, .noTopic: "there is no topic \(topic)"
    }
  }
}
