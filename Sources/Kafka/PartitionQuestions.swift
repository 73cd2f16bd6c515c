internal import Crdkafka
internal import EventLoop

/// Asks what partitions hold. Blocks until all have answered, the others of some have taken too long, or the deadline is
/// there; and then as long as the library needs to stop reading.
///
/// It reads each partition from its beginning to the first event: a message, or the end. The library's own call for
/// watermarks asks a broker that has gone for ever, and its other calls wait behind it.
enum PartitionQuestions {
  /// How long after the first answers the others may take, or as long as those have taken.
  private static let grace = Duration.milliseconds(750)

  /// - Parameter waitsForAll: until the deadline; else, when some have answered, not much longer for the others.
  static func looks(
    _ client: OpaquePointer, _ name: String, _ partitions: [Int32], _ deadline: Instant, waitsForAll: Bool
  ) -> Result<[Int32: KafkaPartitionLook], KafkaError> {
    guard let topic = rd_kafka_topic_new(client, name, nil) else {
      return .failure(.refused("\(name) is no name of a topic"))
    }
    defer { rd_kafka_topic_destroy(topic) }
    guard let queue = rd_kafka_queue_new(client) else {
      return .failure(.misconfigured("librdkafka gives no queue"))
    }
    defer { rd_kafka_queue_destroy(queue) }
    var started: Set<Int32> = []
    defer { for partition in started { rd_kafka_consume_stop(topic, partition) } }
    for partition in partitions {
      guard rd_kafka_consume_start_queue(topic, partition, timeattack_offset_beginning, queue) == 0 else {
        return .failure(ErrorCode.asError(rd_kafka_last_error(), "reading \(name) \(partition)"))
      }
      started.insert(partition)
    }
    let begun = Instant.now
    var limit = deadline
    var found: [Int32: KafkaPartitionLook] = [:]
    var refusal: KafkaError?
    while !started.isEmpty, Instant.now < limit {
      guard let message = rd_kafka_consume_queue(queue, milliseconds(until: limit)) else { break }
      defer { rd_kafka_message_destroy(message) }
      let partition = message.pointee.partition
      switch message.pointee.err {
      case RD_KAFKA_RESP_ERR_NO_ERROR:
        if found[partition] == nil { found[partition] = look(client, name, message) }
      case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        let end = message.pointee.offset
        if found[partition] == nil {
          found[partition] = KafkaPartitionLook(marks: KafkaWatermarks(low: end, high: end), first: nil)
        }
      // The library reads on by itself when a broker is back, or another leads.
      case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__RESOLVE,
        RD_KAFKA_RESP_ERR__TIMED_OUT:
        continue
      case let code where ErrorCode.isTransient(code): continue
      case let code:
        refusal = ErrorCode.asError(code, "reading \(name) \(partition)")
        if started.remove(partition) != nil { rd_kafka_consume_stop(topic, partition) }
        continue
      }
      // The others may take long, and the library would read on and on meanwhile.
      guard found[partition] != nil, started.remove(partition) != nil else { continue }
      rd_kafka_consume_stop(topic, partition)
      if !waitsForAll { limit = min(deadline, .now + max(grace, .now - begun)) }
    }
    guard found.isEmpty, !partitions.isEmpty else { return .success(found) }
    return .failure(refusal ?? silence(of: name, partitions))
  }

  static func silence(of topic: String, _ partitions: [Int32]) -> KafkaError {
    let list = partitions.map(String.init).joined(separator: ", ")
    return .unavailable("reading \(topic): no answer in time of partition \(list)")
  }

  /// The end is the one that the broker's latest answer about the partition has told; nil where that was an error.
  private static func look(
    _ client: OpaquePointer, _ name: String, _ message: UnsafePointer<rd_kafka_message_t>
  ) -> KafkaPartitionLook? {
    let first = KafkaMessage(copying: message, headers: false)
    var (low, high): (Int64, Int64) = (0, 0)
    guard
      rd_kafka_get_watermark_offsets(client, name, first.partition, &low, &high)
        == RD_KAFKA_RESP_ERR_NO_ERROR,
      high > first.offset
    else { return nil }
    return KafkaPartitionLook(marks: KafkaWatermarks(low: first.offset, high: high), first: first)
  }
}
