internal import Crdkafka
internal import EventLoop

/// Asks what partitions hold. Blocks.
enum PartitionQuestions {
  /// - Parameter patience: how long each partition may take.
  static func watermarks(
    _ client: OpaquePointer, _ topic: String, _ partitions: [Int32], _ patience: Duration
  ) -> Result<[KafkaWatermarks], KafkaError> {
    var marks: [KafkaWatermarks] = []
    for partition in partitions {
      var (low, high): (Int64, Int64) = (-1, -1)
      let code = rd_kafka_query_watermark_offsets(
        client, topic, partition, &low, &high, milliseconds(until: .now + patience))
      guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
        return .failure(ErrorCode.asError(code, "watermarks of \(topic) \(partition)"))
      }
      marks.append(KafkaWatermarks(low: low, high: high))
    }
    return .success(marks)
  }

  static func firstMessage(
    _ client: OpaquePointer, _ name: String, _ partition: Int32, _ deadline: Instant
  ) -> Result<KafkaMessage?, KafkaError> {
    guard let topic = rd_kafka_topic_new(client, name, nil) else {
      return .failure(.refused("\(name) is no name of a topic"))
    }
    defer { rd_kafka_topic_destroy(topic) }
    guard rd_kafka_consume_start(topic, partition, timeattack_offset_beginning) == 0 else {
      return .failure(ErrorCode.asError(rd_kafka_last_error(), "reading \(name) \(partition)"))
    }
    defer { rd_kafka_consume_stop(topic, partition) }
    while Instant.now < deadline {
      guard let message = rd_kafka_consume(topic, partition, milliseconds(until: deadline)) else { break }
      defer { rd_kafka_message_destroy(message) }
      switch message.pointee.err {
      case RD_KAFKA_RESP_ERR_NO_ERROR: return .success(KafkaMessage(copying: message, headers: false))
      case RD_KAFKA_RESP_ERR__PARTITION_EOF: return .success(nil)
      // The library reads on by itself when a broker is back.
      case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, RD_KAFKA_RESP_ERR__TRANSPORT: continue
      case let code: return .failure(ErrorCode.asError(code, "reading \(name) \(partition)"))
      }
    }
    return .failure(.unavailable("reading \(name) \(partition): no answer in time"))
  }
}
