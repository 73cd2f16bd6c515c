internal import Crdkafka
package import EventLoop

/// librdkafka's own mock cluster: a broker in this process that other processes can use over the loopback.
///
/// It keeps everything in memory, and beyond 5 MiB or 100,000 batches silently drops a partition's oldest
/// messages (its low watermark then is above 0). It has no administration and does not wake readers. Good for tests and
/// demonstrations, not for claims of durability.
@LoopActor
package final class KafkaMockBroker {
  /// A request of Kafka's protocol, for faults.
  package enum Request: Int16, Sendable {
    case produce = 0
    case joinGroup = 11
    case initProducerID = 22
  }

  /// How the broker answers a request that is not served.
  package enum Failure: Int32, Sendable {
    case disconnect = -195
    case notLeader = 6
    case messageTooLarge = 10
    /// Fatal to an idempotent producer, in answer to its first request.
    case clusterAuthorizationFailed = 31
  }

  /// What clients connect to: `127.0.0.1:PORT`.
  package let bootstrapServers: String
  private static let brokerID: Int32 = 1
  private let client: KafkaHandle
  private var cluster: OpaquePointer?

  /// Starts a broker with one topic.
  package init(topic: String, partitions: Int) throws(KafkaError) {
    client = try KafkaHandle(
      RD_KAFKA_PRODUCER, KafkaConfiguration(brokers: "", clientID: "broker"),
      ClientSettings(values: [], events: 0))
    guard let cluster = rd_kafka_mock_cluster_new(client.pointer, 1) else {
      throw KafkaError.unavailable("librdkafka cannot start its mock cluster")
    }
    self.cluster = cluster
    bootstrapServers = String(cString: rd_kafka_mock_cluster_bootstraps(cluster))
    try createTopic(topic, partitions: partitions)
  }

  package func createTopic(_ topic: String, partitions: Int) throws(KafkaError) {
    guard let cluster else { throw KafkaError.unavailable("the broker is closed") }
    let code = rd_kafka_mock_topic_create(cluster, topic, Int32(partitions), 1)
    guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw ErrorCode.asError(code, "creating \(topic)") }
  }

  /// Ends the broker; its messages are gone.
  package func close() async {
    guard let cluster else { return }
    self.cluster = nil
    let handle = SharedHandle(pointer: cluster)
    _ = try? await client.offLoop { _ -> Result<Void, KafkaError> in
      rd_kafka_mock_cluster_destroy(handle.pointer)
      return .success(())
    }
    await client.destroy()
  }

  // MARK: - Faults

  /// Cuts all connections and takes no new ones until `up`.
  package func down() { if let cluster { rd_kafka_mock_broker_set_down(cluster, Self.brokerID) } }

  package func up() { if let cluster { rd_kafka_mock_broker_set_up(cluster, Self.brokerID) } }

  /// The next `count` requests of this kind are not served.
  package func fail(_ request: Request, with failure: Failure, count: Int = 1) {
    guard let cluster else { return }
    let errors = [rd_kafka_resp_err_t](repeating: rd_kafka_resp_err_t(failure.rawValue), count: count)
    rd_kafka_mock_push_request_errors_array(cluster, request.rawValue, count, errors)
  }

  /// Serves such requests again, however many `fail` has left.
  package func clear(_ request: Request) {
    if let cluster { rd_kafka_mock_clear_request_errors(cluster, request.rawValue) }
  }

  /// The next `count` requests of this kind are served, and answered only after `delay`.
  package func answerLate(_ request: Request, by delay: Duration, count: Int = 1) {
    guard let cluster else { return }
    for _ in 0..<count {
      _ = timeattack_mock_push(
        cluster, Self.brokerID, request.rawValue, RD_KAFKA_RESP_ERR_NO_ERROR,
        Int32(delay.nanoseconds / 1_000_000))
    }
  }
}
