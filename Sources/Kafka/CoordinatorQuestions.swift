internal import Crdkafka
internal import EventLoop

/// Why no broker coordinates groups though all of them answer.
///
/// A coordinator writes what a group decides into a topic of its own. One that cannot be made or written keeps every member
/// waiting, and to the library that is no error.
package enum CoordinatorQuestions {
  private static let topic = "__consumer_offsets"

  /// Blocks. Nil where nothing is wrong with the topic, or where it may not be looked at.
  static func ask(_ client: OpaquePointer, _ deadline: Instant) -> Result<String?, KafkaError> {
    Metadata.ask(client, topic, deadline).flatMap { cluster in
      // Without it there is nothing to ask, and without the right to ask its leaders are known all the same.
      let settings = cluster.topic.flatMap { _ in
        try? TopicAdministration.describe(client, topic, deadline).get()
      }
      return .success(fault(in: cluster, leastInSync: settings?["min.insync.replicas"].flatMap { Int($0) }))
    }
  }

  /// - Parameter leastInSync: copies without which nothing is written; nil where that is not known.
  package static func fault(in cluster: KafkaCluster, leastInSync: Int?) -> String? {
    let subject = "the topic \(topic), which the brokers need for it,"
    guard let found = cluster.topic else {
      return
        "\(subject) does not exist; \(cluster.brokers) brokers answer, and offsets.topic.replication.factor may ask "
        + "for more"
    }
    if found.leaderless > 0 {
      return
        "\(subject) has \(found.leaderless) of \(found.partitions) partitions without a leader; start the brokers "
        + "that hold them"
    }
    guard let leastInSync, found.inSync < leastInSync else { return nil }
    return
      "\(subject) has \(found.inSync) copies in sync, and min.insync.replicas asks for \(leastInSync); start the "
      + "other brokers, or lower it"
  }
}
