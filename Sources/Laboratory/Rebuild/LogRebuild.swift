import CouponDomain
import CouponStore
package import EventLoop
import Kafka
package import Postgres
import Terminal

/// Fills a new topic from the events table, and tells the database that this is the log from now on.
///
///     events of each policy, in their order ─▶ its partition ─▶ next_offset and first_hash anew
///
/// Only winners have events, so the new log is shorter than the one that was lost; folded, it is the same list.
///
/// An API may have answered from the new topic already, on partitions that were empty before. What it promised stays: the
/// events are appended behind, and the worker reads such a partition from its beginning (what it finds in the tables it
/// does not write twice). That is right only for policies of which the table has no event.
@LoopActor
package struct LogRebuild {
  private let pool: PostgresPool
  private let log: LabState.Log
  private let topic: String
  private let replicas: Int?
  private let configuration: KafkaConfiguration

  private static let patience = Duration.seconds(60)

  /// - Parameter replicas: `KAFKA_REPLICAS`.
  package init(_ pool: PostgresPool, _ log: LabState.Log, topic: String, replicas: Int? = nil) {
    (self.pool, self.log, self.topic, self.replicas) = (pool, log, topic, replicas)
    configuration = log.client("lab-rebuild")
  }

  /// - Returns: how many events the log has now.
  /// - Throws: `LabFailure`; where the topic is not new, nothing was written.
  package func run() async throws -> Int {
    let admin = try KafkaAdmin(configuration: configuration)
    defer { EventLoop.shared.spawn { await admin.close() } }
    let kept = try await prepareTopic(admin)
    let sent = try await fill()
    try await remember(admin, kept: kept, sent: sent)
    return sent
  }

  /// The topic as the API would make it.
  ///
  /// - Returns: how many messages of other policies each partition holds already.
  private func prepareTopic(_ admin: KafkaAdmin) async throws -> [Int64] {
    let deadline = Instant.now + LogRebuild.patience
    let cluster = try await admin.describe(topic, deadline: deadline)
    guard let known = cluster.topic else {
      let copies = LogTopic.replicas(replicas, brokers: cluster.brokers, named: log.brokers)
      _ = try await admin.createTopic(
        topic, partitions: log.partitions, replicas: copies, settings: LogTopic.settings(replicas: copies),
        deadline: deadline)
      return Array(repeating: 0, count: log.partitions)
    }
    guard known.partitions == log.partitions else {
      throw LabFailure("the topic \(topic) has \(known.partitions) partitions instead of \(log.partitions)")
    }
    let ends = try await watermarks(admin).map(\.high)
    if ends.contains(where: { $0 > 0 }) { try await refuseSharedPolicies(deadline) }
    return ends
  }

  /// Claims of one policy on both sides have no common order.
  private func refuseSharedPolicies(_ deadline: Instant) async throws {
    let recorded = Set(try await EventSQL.policies(in: pool, deadline: deadline))
    var shared: Set<PolicyID> = []
    var count = 0
    try await TopicReading.read(
      topic, at: configuration, valueLimit: BatchRecord.readBytes, deadline: deadline
    ) { messages in
      for message in messages {
        guard case .success(let entry) = LogCodec.read(message.value), recorded.contains(entry.policyID)
        else {
          continue
        }
        shared.insert(entry.policyID)
        count += 1
      }
    }
    guard !shared.isEmpty else { return }
    let names = shared.sorted().prefix(5).map(\.description).joined(separator: ", ")
    throw LabFailure(
      """
      the topic \(topic) is not new: it holds \(Numbers.count(count)) messages of policies that the events table has, \
      too (\(names)), and their order is not known; nothing was written. Delete the topic to go back to what the \
      database has: the coupons of these messages alone are lost then
      """)
  }

  private func watermarks(_ admin: KafkaAdmin) async throws -> [KafkaWatermarks] {
    try await admin.watermarks(
      of: topic, partitions: log.partitions, patience: LogRebuild.patience)
  }

  private func fill() async throws -> Int {
    let sender = LogSender(configuration, topic: topic, window: 10_000)
    let reader = DatabaseReader(pool)
    do {
      for policy in try await EventSQL.policies(in: pool, deadline: .now + LogRebuild.patience) {
        let key = Names.logKey(of: policy)
        let partition = murmur2Partition(key: key, partitions: log.partitions)
        for event in try await reader.events(of: policy) {
          try await sender.send(to: partition, key: key, event.payload)
        }
      }
      return try await sender.end(by: .now + LogRebuild.patience)
    } catch {
      _ = try? await sender.end(by: .now + .seconds(1))
      guard let failure = error as? LabFailure else { throw error }
      throw LabFailure("the log was not filled: \(failure); delete the topic and try again")
    }
  }

  /// Removes what the database knows of the old log, with the dead letters: their offsets now name other messages.
  ///
  /// - Parameter kept: messages that were there before, which nobody has applied.
  private func remember(_ admin: KafkaAdmin, kept: [Int64], sent: Int) async throws {
    let marks = try await watermarks(admin)
    guard marks.allSatisfy({ $0.low == 0 }), marks.map(\.high).reduce(0, +) == Int64(sent) + kept.reduce(0, +)
    else {
      throw LabFailure(
        """
        the log did not keep the \(Numbers.count(sent)) events (the embedded broker holds 5 MiB a partition); \
        use --kafka installed, or name a Kafka with KAFKA_BROKERS
        """)
    }
    var rows: [OffsetRow] = []
    for (partition, mark) in marks.enumerated() where mark.high > 0 {
      let first = try await admin.firstMessage(
        of: topic, partition: Int32(partition), deadline: .now + LogRebuild.patience)
      let hash = first.map {
        LogTopic.firstHash(value: $0.value, timestampMilliseconds: $0.timestamp)
      }
      rows.append(
        OffsetRow(
          partition: Int32(partition), nextOffset: kept[partition] > 0 ? 0 : mark.high, firstHash: hash))
    }
    let letters = PostgresStatement("DELETE FROM dead_letter WHERE topic = $1")
    try await pool.transaction(deadline: .now + LogRebuild.patience) { transaction in
      _ = try await transaction.finish(
        OffsetSQL.replace(topic: topic, with: rows) + [(letters, [.text(topic)])])
    }
  }
}
