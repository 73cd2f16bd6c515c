internal import Crdkafka
internal import EventLoop

/// The library's side of a tail: a consumer without a group that puts everything into one queue.
@LoopActor
final class TailClient {
  /// A reference for the pump.
  let queue: OpaquePointer
  private let handle: KafkaHandle
  private let name: String
  private let topic: OpaquePointer
  private var started: [Int32] = []

  init(_ configuration: KafkaConfiguration, _ topic: String, _ options: KafkaTail.Options) throws(KafkaError)
  {
    handle = try KafkaHandle(RD_KAFKA_CONSUMER, configuration, Self.settings(options))
    guard let made = rd_kafka_topic_new(handle.pointer, topic, nil) else {
      throw KafkaError.refused("\(topic) is no name of a topic")
    }
    guard let queue = rd_kafka_queue_new(handle.pointer), let main = rd_kafka_queue_get_main(handle.pointer)
    else {
      throw KafkaError.misconfigured("librdkafka gives no queue")
    }
    rd_kafka_queue_forward(main, queue)
    rd_kafka_queue_destroy(main)
    (name, self.topic, self.queue) = (topic, made, queue)
  }

  private static func settings(_ options: KafkaTail.Options) -> ClientSettings {
    ClientSettings(
      values: ReaderSettings.common + [
        ("fetch.wait.max.ms", "\(max(0, options.fetchWait.nanoseconds / 1_000_000))")
      ],
      ifKnown: ReaderSettings.ifKnown, events: RD_KAFKA_EVENT_FETCH | RD_KAFKA_EVENT_ERROR)
  }

  /// Why its connections fail; nil where they do not.
  var failures: String? { handle.failures.text }

  func begin(_ partition: Int32, at offset: Int64) {
    if rd_kafka_consume_start_queue(topic, partition, offset, queue) == 0 { started.append(partition) }
  }

  /// Whether a broker answers within a second, and tells of a topic whose partitions have leaders.
  func answers() async -> Bool {
    let name = name
    let cluster = try? await handle.offLoop { client in Metadata.ask(client, name, .now + .seconds(1)) }
    return cluster?.topic?.leaderless == 0
  }

  /// Call it after the pump has stopped.
  func close() async {
    let (topic, started) = (SharedHandle(pointer: topic), started)
    await handle.destroy {
      for partition in started { rd_kafka_consume_stop(topic.pointer, partition) }
      rd_kafka_topic_destroy(topic.pointer)
    }
  }
}

/// Unchecked Sendable because the library's topics and queues may be used from any thread, like the client.
struct SharedHandle: @unchecked Sendable {
  let pointer: OpaquePointer
}
