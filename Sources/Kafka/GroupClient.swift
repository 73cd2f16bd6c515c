internal import Crdkafka
internal import EventLoop

/// The library's side of a member of a group.
@LoopActor
final class GroupClient {
  private let handle: KafkaHandle
  private let topic: String
  /// Always empty; see `tellAlive`.
  private let empty: OpaquePointer

  init(
    _ configuration: KafkaConfiguration, group: String, topic: String, options: KafkaGroupConsumer.Options
  ) throws(KafkaError) {
    self.topic = topic
    handle = try KafkaHandle(RD_KAFKA_CONSUMER, configuration, Self.settings(group, options))
    guard let empty = rd_kafka_queue_new(handle.pointer) else {
      throw KafkaError.misconfigured("librdkafka gives no queue")
    }
    self.empty = empty
    rd_kafka_poll_set_consumer(handle.pointer)
  }

  private static func settings(_ group: String, _ options: KafkaGroupConsumer.Options) -> ClientSettings {
    ClientSettings(
      values: ReaderSettings.common + [
        ("group.id", group), ("partition.assignment.strategy", "range"),
        // The shortest timeout that a broker accepts: a dead member's partitions are reassigned soon.
        ("session.timeout.ms", "6000"), ("heartbeat.interval.ms", "1500"),
        // Also how long the library waits for an answer to its wish to join, and 3 s more: of a coordinator that has gone
        // without a word it hears nothing. The owner is heard of every second, whatever it does.
        ("max.poll.interval.ms", "12000"),
        ("fetch.wait.max.ms", "\(max(0, options.fetchWait.nanoseconds / 1_000_000))"),
        // The broker then answers once a wait instead of once a message: what is read becomes a transaction, which
        // costs nearly the same for one message and for hundreds.
        ("fetch.min.bytes", "65536"),
      ],
      ifKnown: ReaderSettings.ifKnown,
      events: RD_KAFKA_EVENT_FETCH | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_REBALANCE
        | RD_KAFKA_EVENT_OFFSET_COMMIT)
  }

  /// Why its connections fail; nil where they do not.
  var failures: String? { handle.failures.text }

  /// Why nobody coordinates the group; nil where that is not known.
  func coordinatorFault(deadline: Instant) async -> String? {
    try? await handle.offLoop { client in CoordinatorQuestions.ask(client, deadline) }
  }

  /// A reference to the queue of this member's events.
  func makeQueue() throws(KafkaError) -> OpaquePointer {
    guard let queue = rd_kafka_queue_get_consumer(handle.pointer) else {
      throw KafkaError.misconfigured("librdkafka gives no queue")
    }
    return queue
  }

  func subscribe() throws(KafkaError) {
    let list = PartitionList(topic, [-1: 0])
    let code = rd_kafka_subscribe(handle.pointer, list.pointer)
    guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw ErrorCode.asError(code, "subscribe") }
  }

  func assign(_ offsets: [Int32: Int64]) {
    let list = PartitionList(topic, offsets)
    rd_kafka_assign(handle.pointer, list.pointer)
  }

  func unassign() { rd_kafka_assign(handle.pointer, nil) }

  var isAssignmentLost: Bool { rd_kafka_assignment_lost(handle.pointer) != 0 }

  func pause(_ partitions: some Sequence<Int32>) {
    let list = PartitionList(topic, Dictionary(uniqueKeysWithValues: partitions.map { ($0, 0) }))
    rd_kafka_pause_partitions(handle.pointer, list.pointer)
  }

  func resume(_ partitions: some Sequence<Int32>) {
    let list = PartitionList(topic, Dictionary(uniqueKeysWithValues: partitions.map { ($0, 0) }))
    rd_kafka_resume_partitions(handle.pointer, list.pointer)
  }

  /// Asynchronous; the library drops what it had fetched from elsewhere.
  func seek(_ partition: Int32, to offset: Int64) {
    let list = PartitionList(topic, [partition: offset])
    if let error = rd_kafka_seek_partitions(handle.pointer, list.pointer, 0) { rd_kafka_error_destroy(error) }
  }

  /// The answer comes as an event on `queue` that carries `id`.
  func commit(_ offsets: [Int32: Int64], id: UInt, answerOn queue: OpaquePointer) -> rd_kafka_resp_err_t {
    let list = PartitionList(topic, offsets)
    return rd_kafka_commit_queue(
      handle.pointer, list.pointer, queue, nil, UnsafeMutableRawPointer(bitPattern: id))
  }

  /// Tells the library that its owner is alive. Until 2.3 it counts only calls that consume, not polls of the queue; a
  /// consuming call on an empty queue is one.
  func tellAlive() {
    var message: UnsafeMutablePointer<rd_kafka_message_t>?
    if rd_kafka_consume_batch_queue(empty, 0, &message, 1) == 1, let message {
      rd_kafka_message_destroy(message)
    }
  }

  /// Begins to leave the group; events that need an answer come on `queue` until `hasLeft`.
  func leave(answerOn queue: OpaquePointer) {
    if let error = rd_kafka_consumer_close_queue(handle.pointer, queue) { rd_kafka_error_destroy(error) }
  }

  var hasLeft: Bool { rd_kafka_consumer_closed(handle.pointer) != 0 }

  /// Call it after the pump has stopped. The group notices a member that has not left after the session's timeout.
  func destroy() async {
    rd_kafka_queue_destroy(empty)
    await handle.destroy(leavesGroup: false)
  }
}
