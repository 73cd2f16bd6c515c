internal import Crdkafka
package import EventLoop

/// A topic as the brokers describe it.
package struct KafkaTopic: Hashable, Sendable {
  package let name: String
  package let partitions: Int
  /// Copies of each partition: the least of them.
  package let replicas: Int
  /// Partitions that have no leader now, and so cannot be read or written.
  package let leaderless: Int
  /// Copies in sync of the partition that has the fewest.
  package let inSync: Int
  /// Whether every copy of every partition is in sync.
  package let isWhole: Bool

  package init(
    name: String, partitions: Int, replicas: Int, leaderless: Int, inSync: Int, isWhole: Bool
  ) {
    (self.name, self.partitions, self.replicas, self.leaderless) = (name, partitions, replicas, leaderless)
    (self.inSync, self.isWhole) = (inSync, isWhole)
  }
}

/// What a cluster says about itself.
package struct KafkaCluster: Hashable, Sendable {
  package let brokers: Int
  /// The embedded broker: no administration, and what is sent does not wake its readers (`KafkaTail.Options.forMockBroker`).
  package let isMock: Bool
  /// Nil where the topic does not exist.
  package let topic: KafkaTopic?
  /// The broker that leads each partition of the topic; −1: none.
  package let leaders: [Int32]

  package init(brokers: Int, isMock: Bool, topic: KafkaTopic?, leaders: [Int32] = []) {
    (self.brokers, self.isMock, self.topic, self.leaders) = (brokers, isMock, topic, leaders)
  }
}

/// Questions about topics and groups, and the creation of topics. The library's calls block, so they run on a thread of
/// their own, one after the other; asking creates nothing.
@LoopActor
package final class KafkaAdmin {
  package enum Creation: Hashable, Sendable {
    case created
    case existed
  }

  private let handle: KafkaHandle
  private var isClosed = false

  /// - Throws: `misconfigured`; brokers that are not there are the calls' error.
  package init(configuration: KafkaConfiguration) throws(KafkaError) {
    // A consumer, because a producer that asks for a topic makes the broker create it.
    handle = try KafkaHandle(
      RD_KAFKA_CONSUMER, configuration,
      ClientSettings(
        values: ReaderSettings.common + [
          ("fetch.wait.max.ms", "10"),
          // Of each partition only the first message is wanted; a broker sends at least one batch.
          ("max.partition.fetch.bytes", "1"),
        ], events: 0))
  }

  /// Describes the cluster and one of its topics.
  package func describe(_ topic: String, deadline: Instant) async throws(KafkaError) -> KafkaCluster {
    try await run { client in Metadata.ask(client, topic, deadline) }
  }

  /// The settings of a topic by name, without secret ones.
  ///
  /// - Throws: `unsupported` by the embedded broker.
  package func configuration(
    of topic: String, deadline: Instant
  ) async throws(KafkaError) -> [String: String] {
    try await run { client in TopicAdministration.describe(client, topic, deadline) }
  }

  /// Creates a topic unless it exists.
  ///
  /// - Parameter replicas: nil leaves it to the broker.
  /// - Throws: `unsupported` by the embedded broker.
  package func createTopic(
    _ topic: String, partitions: Int, replicas: Int? = nil, settings: [(String, String)] = [],
    deadline: Instant
  ) async throws(KafkaError) -> Creation {
    try await run { client in
      TopicAdministration.create(client, topic, partitions, replicas, settings, deadline)
    }
  }

  /// Deletes a topic with everything in it; does nothing where there is none.
  ///
  /// - Throws: `unsupported` by the embedded broker.
  package func deleteTopic(_ topic: String, deadline: Instant) async throws(KafkaError) {
    try await run { client in TopicAdministration.delete(client, topic, deadline) }
  }

  /// Ends and first messages of those partitions that answer before the deadline. When some have answered, the others have
  /// 750 ms more, or as long again.
  ///
  /// - Throws: where none does: why, or `unavailable`.
  package func look(
    at topic: String, partitions: [Int32], deadline: Instant
  ) async throws(KafkaError) -> [Int32: KafkaPartitionLook] {
    try await run { client in
      PartitionQuestions.looks(client, topic, partitions, deadline, waitsForAll: false)
    }
  }

  /// The watermarks of partitions, in the order that they are given in; all of them, or none.
  ///
  /// - Parameter patience: how long all of them may take.
  package func watermarks(
    of topic: String, partitions: [Int32], patience: Duration
  ) async throws(KafkaError) -> [KafkaWatermarks] {
    let deadline = Instant.now + patience
    let looks = try await run { client in
      PartitionQuestions.looks(client, topic, partitions, deadline, waitsForAll: true)
    }
    let silent = partitions.filter { looks[$0] == nil }
    guard silent.isEmpty else { throw PartitionQuestions.silence(of: topic, silent) }
    return partitions.compactMap { looks[$0]?.marks }
  }

  /// The watermarks of the partitions 0, 1 … of a topic with so many.
  package func watermarks(
    of topic: String, partitions count: Int, patience: Duration
  ) async throws(KafkaError) -> [KafkaWatermarks] {
    try await watermarks(of: topic, partitions: Array(0..<Int32(count)), patience: patience)
  }

  package func watermarks(
    of topic: String, partition: Int32, deadline: Instant
  ) async throws(KafkaError) -> KafkaWatermarks {
    try await watermarks(of: topic, partitions: [partition], patience: deadline - .now)[0]
  }

  /// The next offsets that a group has committed, without joining it; partitions without a commit are left out.
  package func committed(
    by group: String, of topic: String, partitions count: Int, deadline: Instant
  ) async throws(KafkaError) -> [Int32: Int64] {
    try await run { client in GroupQuestions.committed(client, group, topic, count, deadline) }
  }

  /// The first message of a partition; nil where it is empty.
  package func firstMessage(
    of topic: String, partition: Int32, deadline: Instant
  ) async throws(KafkaError) -> KafkaMessage? {
    try await look(at: topic, partitions: [partition], deadline: deadline)[partition]?.first
  }

  /// Ends the client after the calls under way, for which it does not wait for ever.
  package func close() async {
    guard !isClosed else { return }
    isClosed = true
    await handle.destroy()
  }

  private func run<Value: Sendable>(
    _ call: @escaping @Sendable (OpaquePointer) -> Result<Value, KafkaError>
  ) async throws(KafkaError) -> Value {
    guard !isClosed else { throw KafkaError.unavailable("the client is closed") }
    return try await handle.offLoop(call)
  }
}
