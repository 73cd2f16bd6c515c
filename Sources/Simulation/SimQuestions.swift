import CouponLog
import EventLoop
import Kafka

/// Answers a process' questions about the simulated topic.
@LoopActor
final class SimQuestions: LogQuestions {
  /// What the log looks like; another than the real one where a reader has to refuse it.
  enum Shown: CaseIterable { case real, madeAnew, withoutBeginning, repartitioned, shorter }

  private let life: Life
  private unowned let world: World
  private let shown: Shown

  init(_ life: Life, _ world: World, _ shown: Shown = .real) {
    (self.life, self.world, self.shown) = (life, world, shown)
  }

  private func trip() async throws(KafkaError) {
    await LoopClock(life).sleep(for: .milliseconds(Int64(world.dice.within(1...10))))
    guard life.isAlive, !world.kafka.isDown else { throw .unavailable("no broker answers") }
  }

  func describe(_ topic: String, deadline: Instant) async throws(KafkaError) -> KafkaCluster {
    try await trip()
    let partitions = shown == .repartitioned ? SimKafka.partitions + 1 : SimKafka.partitions
    return KafkaCluster(
      brokers: 1, isMock: false,
      topic: KafkaTopic(
        name: topic, partitions: partitions, replicas: 1, leaderless: 0, inSync: 1, isWhole: true))
  }

  func look(
    at topic: String, partitions: [Int32], deadline: Instant
  ) async throws(KafkaError) -> [Int32: KafkaPartitionLook] {
    try await trip()
    let looks = partitions.map { ($0, look(at: $0)) }
    // The answer is under way: what it says was so a moment ago.
    try await trip()
    return Dictionary(uniqueKeysWithValues: looks)
  }

  private func look(at partition: Int32) -> KafkaPartitionLook {
    let (end, first) = (world.kafka.end(Int(partition)), world.kafka.logs[Int(partition)].first)
    let marks =
      switch shown {
      case .withoutBeginning: KafkaWatermarks(low: 1, high: max(1, end))
      case .shorter: KafkaWatermarks(low: 0, high: max(0, end - 1))
      case .real, .madeAnew, .repartitioned: KafkaWatermarks(low: 0, high: end)
      }
    guard shown == .madeAnew, let first else { return KafkaPartitionLook(marks: marks, first: first) }
    return KafkaPartitionLook(
      marks: marks,
      first: KafkaMessage(
        partition: partition, offset: 0, timestamp: first.timestamp + 1, key: [], value: first.value))
  }

  func close() async {}
}
