internal import Crdkafka
internal import EventLoop

/// Asks brokers about themselves and a topic. Blocks.
enum Metadata {
  static func ask(_ client: OpaquePointer, _ name: String, _ deadline: Instant) -> Result<
    KafkaCluster, KafkaError
  > {
    guard let topic = rd_kafka_topic_new(client, name, nil) else {
      return .failure(.refused("\(name) is no name of a topic"))
    }
    defer { rd_kafka_topic_destroy(topic) }
    var answer: UnsafePointer<rd_kafka_metadata>?
    let code = rd_kafka_metadata(client, 0, topic, &answer, milliseconds(until: deadline))
    guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let answer else {
      return .failure(ErrorCode.asError(code, "metadata"))
    }
    defer { rd_kafka_metadata_destroy(answer) }
    let isMock = isMockCluster(client, deadline)
    let brokers = Int(answer.pointee.broker_cnt)
    for index in 0..<Int(answer.pointee.topic_cnt) {
      let found = answer.pointee.topics[index]
      switch found.err {
      case RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
        let partitions = (0..<Int(found.partition_cnt)).map { found.partitions[$0] }
        return .success(
          KafkaCluster(
            brokers: brokers, isMock: isMock, topic: describe(found, name),
            leaders: partitions.sorted { $0.id < $1.id }.map(\.leader)))
      case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART: continue
      default: return .failure(ErrorCode.asError(found.err, "metadata of \(name)"))
      }
    }
    return .success(KafkaCluster(brokers: brokers, isMock: isMock, topic: nil))
  }

  private static func describe(_ topic: rd_kafka_metadata_topic, _ name: String) -> KafkaTopic {
    let partitions = (0..<Int(topic.partition_cnt)).map { topic.partitions[$0] }
    return KafkaTopic(
      name: name, partitions: partitions.count,
      replicas: partitions.map { Int($0.replica_cnt) }.min() ?? 0,
      leaderless: partitions.count { $0.leader < 0 },
      inSync: partitions.map { Int($0.isr_cnt) }.min() ?? 0,
      isWhole: partitions.allSatisfy { $0.leader >= 0 && $0.isr_cnt >= $0.replica_cnt })
  }

  /// librdkafka's mock cluster gives itself an id of this form.
  static func isMockCluster(_ client: OpaquePointer, _ deadline: Instant) -> Bool {
    guard let id = rd_kafka_clusterid(client, milliseconds(until: deadline)) else { return false }
    defer { rd_kafka_mem_free(client, id) }
    return String(cString: id).hasPrefix("mockCluster")
  }
}
