import CouponDomain
import CouponStore
import EventLoop
import Kafka
import Text

/// Reads the whole topic, from its first message to where it ends when the reading begins.
@LoopActor
final class LogReader {
  private let log: LabState.Log
  private let topic: String
  private let policy: PolicyID
  private var ledger: LogLedger
  private var messages: [LogEvidence.Message] = []
  private var tail: KafkaTail?
  private var ends: [Int64] = []
  private let done = Completion<Void>()

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
    let configuration = KafkaConfiguration(brokers: log.brokers, clientID: "lab-verify")
    ends = try await highWatermarks(configuration, deadline: .now + limit)
    var options = log.kind == .embedded ? .forMockBroker : KafkaTail.Options()
    options.valueLimit = BatchRecord.readBytes
    let tail = KafkaTail(
      configuration: configuration, topic: topic, from: Array(repeating: 0, count: log.partitions),
      options: options,
      onMessages: { [weak self] in self?.take($0) }, onEnd: { [weak self] _, _ in self?.lookForEnd() },
      onProblem: { [weak self] in self?.take($0) })
    self.tail = tail
    try tail.start()
    lookForEnd()
    defer { EventLoop.shared.spawn { await tail.close() } }
    do { try await done.value(deadline: .now + limit) } catch is DeadlineExceeded {
      throw LabFailure("the log could not be read to its end within \(limit.components.seconds) s")
    }
    return LogEvidence(messages: messages, committed: await committed(configuration))
  }

  private func highWatermarks(_ configuration: KafkaConfiguration, deadline: Instant) async throws -> [Int64]
  {
    let admin = try KafkaAdmin(configuration: configuration)
    defer { EventLoop.shared.spawn { await admin.close() } }
    var ends: [Int64] = []
    for partition in 0..<Int32(log.partitions) {
      ends.append(try await admin.watermarks(of: topic, partition: partition, deadline: deadline).high)
    }
    return ends
  }

  /// What the worker's group has told Kafka; nil where that cannot be learned.
  private func committed(_ configuration: KafkaConfiguration) async -> [Int32: Int64]? {
    // Never started: it asks and does not join.
    guard
      let reader = try? KafkaGroupConsumer(
        configuration: configuration, group: Names.consumerGroup(topic: topic), topic: topic,
        onRebalance: { _ in }, onProblem: { _ in })
    else { return nil }
    let offsets = try? await reader.committed(
      (0..<Int32(log.partitions)).map { $0 }, deadline: .now + .seconds(10))
    await reader.close(deadline: .now + .seconds(2))
    return offsets
  }

  private func take(_ batch: [KafkaMessage]) {
    for message in batch where message.offset < ends[Int(message.partition)] {
      guard let content = content(message) else { return }
      let appendedAt = Timestamp(microseconds: message.timestamp * 1_000)
      messages.append(
        .init(
          partition: message.partition, offset: message.offset, appendedAt: appendedAt, content: content))
    }
    lookForEnd()
  }

  private func content(_ message: KafkaMessage) -> LogEvidence.Message.Content? {
    switch ledger.apply(message.value, partition: message.partition) {
    case .issued(let coupon): return coupon.claim.policyID == policy ? .claim(coupon.claim) : .other
    case .dropped(let claim, _): return claim.policyID == policy ? .claim(claim) : .other
    case .policyCreated, .duplicatePolicy: return .other
    case .deadLetter(let reason): return .poison(reason)
    case .stop(let reason):
      done.fail(
        LabFailure("the log cannot be understood at \(message.partition)/\(message.offset): \(reason)"))
      return nil
    }
  }

  private func take(_ problem: KafkaProblem) {
    switch problem {
    case .gap(let partition, let expected, let found):
      done.fail(LabFailure("the log has a gap: partition \(partition) goes from \(expected) to \(found)"))
    case .reset(let partition, let reason):
      done.fail(LabFailure("the log has lost its beginning: partition \(partition): \(reason)"))
    default: break  // It tries again until the time is up.
    }
  }

  private func lookForEnd() {
    guard let tail else { return }
    let isAtEnd = ends.enumerated().allSatisfy { (tail.position(Int32($0.offset)) ?? 0) >= $0.element }
    if isAtEnd { done.succeed(()) }
  }
}
