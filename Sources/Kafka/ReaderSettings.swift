internal import Crdkafka

/// What every reader sets: the caller keeps the offsets, and a log that is not what it was is an error.
///
/// What the library reads ahead is bounded by bytes of values, and for very short ones by a number of messages. Up to 2.2
/// its reader looks only once a second whether a full queue has room again, so each bound holds more than a second's work:
/// with 20,000 messages a start read 25,000 a second, whatever the machine.
enum ReaderSettings {
  static let common: [(name: String, value: String)] = [
    ("auto.offset.reset", "error"), ("enable.auto.commit", "false"), ("enable.auto.offset.store", "false"),
    ("enable.partition.eof", "true"), ("allow.auto.create.topics", "false"),
    ("fetch.error.backoff.ms", "20"), ("socket.timeout.ms", "10000"), ("queued.min.messages", "1000000"),
    ("queued.max.messages.kbytes", "65536"),
  ]

  /// Since 2.3 a reader waits this long when its own queue is full.
  static let ifKnown: [(name: String, value: String)] = [("fetch.queue.backoff.ms", "20")]
}

/// The partition and offset that an error event is about.
struct ErrorPlace {
  let partition: Int32
  let offset: Int64

  init?(_ event: OpaquePointer) {
    guard let place = rd_kafka_event_topic_partition(event) else { return nil }
    (partition, offset) = (place.pointee.partition, place.pointee.offset)
    rd_kafka_topic_partition_destroy(place)
  }
}

/// A list of partitions with offsets of the library's, freed with this object.
final class PartitionList {
  let pointer: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>

  init(_ topic: String, _ offsets: [Int32: Int64]) {
    pointer = rd_kafka_topic_partition_list_new(Int32(offsets.count))
    for (partition, offset) in offsets {
      rd_kafka_topic_partition_list_add(pointer, topic, partition).pointee.offset = offset
    }
  }

  deinit { rd_kafka_topic_partition_list_destroy(pointer) }

  /// The entries of a list that belongs to the library.
  static func entries(
    of list: UnsafePointer<rd_kafka_topic_partition_list_t>
  ) -> [rd_kafka_topic_partition_t] {
    (0..<Int(list.pointee.cnt)).map { list.pointee.elems[$0] }
  }
}
