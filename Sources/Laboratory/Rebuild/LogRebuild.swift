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
@LoopActor
package struct LogRebuild {
  private let pool: PostgresPool
  private let log: LabState.Log
  private let topic: String
  private let configuration: KafkaConfiguration

  private static let patience = Duration.seconds(60)

  package init(_ pool: PostgresPool, _ log: LabState.Log, topic: String) {
    (self.pool, self.log, self.topic) = (pool, log, topic)
    configuration = KafkaConfiguration(brokers: log.brokers, clientID: "lab-rebuild")
  }

  /// - Returns: how many events the log has now.
  /// - Throws: `LabFailure`; where the topic is not new, nothing was written.
  package func run() async throws -> Int {
    let admin = try KafkaAdmin(configuration: configuration)
    defer { EventLoop.shared.spawn { await admin.close() } }
    try await prepareTopic(admin)
    let sent = try await fill()
    try await remember(admin, sent: sent)
    return sent
  }

  /// The topic as the API would make it; one that holds anything is not filled.
  private func prepareTopic(_ admin: KafkaAdmin) async throws {
    let deadline = Instant.now + LogRebuild.patience
    let cluster = try await admin.describe(topic, deadline: deadline)
    guard let known = cluster.topic else {
      _ = try await admin.createTopic(
        topic, partitions: log.partitions, replicas: LogTopic.replicas(brokers: cluster.brokers),
        settings: LogTopic.settings(brokers: cluster.brokers), deadline: deadline)
      return
    }
    guard known.partitions == log.partitions else {
      throw LabFailure("the topic \(topic) has \(known.partitions) partitions instead of \(log.partitions)")
    }
    let messages = try await watermarks(admin).map(\.high).reduce(0, +)
    guard messages == 0 else {
      throw LabFailure(
        "the topic \(topic) is not new: it holds \(Numbers.count(messages)) messages; delete it first")
    }
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
  private func remember(_ admin: KafkaAdmin, sent: Int) async throws {
    let marks = try await watermarks(admin)
    guard marks.allSatisfy({ $0.low == 0 }), marks.map(\.high).reduce(0, +) == Int64(sent) else {
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
      rows.append(OffsetRow(partition: Int32(partition), nextOffset: mark.high, firstHash: hash))
    }
    let letters = PostgresStatement("DELETE FROM dead_letter WHERE topic = $1")
    try await pool.transaction(deadline: .now + LogRebuild.patience) { transaction in
      _ = try await transaction.finish(
        OffsetSQL.replace(topic: topic, with: rows) + [(letters, [.text(topic)])])
    }
  }
}
