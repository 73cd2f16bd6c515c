internal import Crdkafka
internal import EventLoop

/// One producing client of librdkafka, from start to end. After a fatal error another takes its place.
@LoopActor
final class ProducerSession: EventTaker {
  enum Trouble {
    case passing(String)
    /// The client can never send again; everything that it still holds is reported as possibly persisted.
    case fatal(String)
  }

  /// The most reports handled in one turn of the loop.
  private static let reportsATurn = 4096
  /// How long `close` waits for the library to report what was purged.
  private static let purgeWait = Duration.seconds(2)

  private let handle: KafkaHandle
  private var pump: EventPump?
  private var topics: [String: OpaquePointer] = [:]
  /// The one that was asked for last, which is nearly always asked for next.
  private var latestTopic: (name: String, topic: OpaquePointer)?
  private let onReport: KafkaProducer.ReportHandler
  private let onTrouble: @LoopActor (ProducerSession, Trouble) -> Void
  /// Ends the library's linger early; from the first time that it is wanted.
  private var flusher: SideThread?
  private var isFatal = false
  private var closing: Completion<Void>?

  init(
    _ configuration: KafkaConfiguration, _ options: KafkaProducer.Options,
    onReport: @escaping KafkaProducer.ReportHandler,
    onTrouble: @escaping @LoopActor (ProducerSession, Trouble) -> Void
  ) throws(KafkaError) {
    (self.onReport, self.onTrouble) = (onReport, onTrouble)
    handle = try KafkaHandle(RD_KAFKA_PRODUCER, configuration, Self.settings(options))
    guard let queue = rd_kafka_queue_get_main(handle.pointer) else {
      throw KafkaError.misconfigured("librdkafka gives no queue")
    }
    pump = try EventPump(owning: queue, bound: Self.reportsATurn, for: self)
  }

  private static func settings(_ options: KafkaProducer.Options) -> ClientSettings {
    ClientSettings(
      values: [
        ("acks", "all"), ("enable.idempotence", "true"), ("linger.ms", "\(options.lingerMilliseconds)"),
        ("message.timeout.ms", "\(max(1, options.messageTimeout.nanoseconds / 1_000_000))"),
        ("delivery.report.only.error", options.reports == .errorsOnly ? "true" : "false"),
        ("queue.buffering.max.messages", "\(options.maxQueued)"), ("queue.buffering.max.kbytes", "65536"),
      ],
      events: RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR)
  }

  /// What the library has not reported yet (a few error events included).
  private var inFlight: Int { pump == nil ? 0 : Int(rd_kafka_outq_len(handle.pointer)) }

  // MARK: - Sending

  func produce(_ message: OutgoingMessage) throws(KafkaError) {
    guard pump != nil, !isFatal else { throw KafkaError.unavailable("the producer restarts") }
    let topic = try topic(message.topic)
    let headers = Self.makeHeaders(message.headers)
    let code = Self.enqueue(message, topic, headers, handle.pointer)
    guard code != RD_KAFKA_RESP_ERR_NO_ERROR else { return }
    if let headers { rd_kafka_headers_destroy(headers) }
    if code == RD_KAFKA_RESP_ERR__FATAL { fail() }
    throw code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE
      ? .refused("the message is too large") : Self.neverEnqueued(code)
  }

  /// What was enqueued waits for nothing else to be sent with; what comes at the end of another flush may still wait.
  func flush() {
    guard pump != nil, !isFatal else { return }
    if flusher == nil {
      let client = FlushedClient(pointer: handle.pointer)
      // Without descriptors it lingers, as it would anyway.
      flusher = try? SideThread(named: "kafka-flush") { client.flush() }
    }
    flusher?.ask()
  }

  /// Off the loop's actor, whose closures ask at each call which thread they run on.
  private nonisolated static func enqueue(
    _ message: OutgoingMessage, _ topic: OpaquePointer, _ headers: OpaquePointer?, _ client: OpaquePointer
  ) -> rd_kafka_resp_err_t {
    message.key.withUnsafeBytes { key in
      message.value.withUnsafeBytes { value in
        timeattack_produce(
          client, topic, message.partition, key.baseAddress, key.count, value.baseAddress, value.count,
          headers,
          UnsafeMutableRawPointer(bitPattern: UInt(message.id)))
      }
    }
  }

  private static func neverEnqueued(_ code: rd_kafka_resp_err_t) -> KafkaError {
    code == RD_KAFKA_RESP_ERR__QUEUE_FULL ? .queueFull : .unavailable(ErrorCode.text(code))
  }

  private static func makeHeaders(_ headers: [(String, [UInt8])]) -> OpaquePointer? {
    guard !headers.isEmpty else { return nil }
    let list = rd_kafka_headers_new(headers.count)
    for (name, value) in headers {
      value.withUnsafeBytes { _ = rd_kafka_header_add(list, name, -1, $0.baseAddress, $0.count) }
    }
    return list
  }

  private func topic(_ name: String) throws(KafkaError) -> OpaquePointer {
    if let latestTopic, latestTopic.name == name { return latestTopic.topic }
    guard let topic = topics[name] ?? rd_kafka_topic_new(handle.pointer, name, nil) else {
      throw KafkaError.refused("\(name) is no name of a topic")
    }
    topics[name] = topic
    latestTopic = (name, topic)
    return topic
  }

  // MARK: - Reports

  func take(_ event: OpaquePointer, _ budget: inout Int) -> EventPump.Answer {
    switch rd_kafka_event_type(event) {
    case RD_KAFKA_EVENT_DR:
      while budget > 0 {
        guard let message = rd_kafka_event_message_next(event) else { return .done }
        budget -= 1
        report(message)
      }
      return .unfinished
    case RD_KAFKA_EVENT_ERROR:
      let code = rd_kafka_event_error(event)
      if code == RD_KAFKA_RESP_ERR__FATAL {
        fail()
      } else {
        onTrouble(self, .passing(String(cString: rd_kafka_event_error_string(event))))
      }
    default: break
    }
    budget -= 1
    return .done
  }

  func turned(isDrained: Bool) {}

  private func report(_ message: UnsafePointer<rd_kafka_message_t>) {
    let id = UInt64(UInt(bitPattern: message.pointee._private))
    let code = message.pointee.err
    if code == RD_KAFKA_RESP_ERR_NO_ERROR {
      onReport(id, .delivered(partition: message.pointee.partition, offset: message.pointee.offset))
      return
    }
    if code == RD_KAFKA_RESP_ERR__FATAL { fail() }
    // Whatever status the library gives it: a leader that appends and then loses the leadership answers that it is none,
    // which the library takes for "not persisted", while the next leader may have the message.
    var reason = ErrorCode.text(code)
    if ErrorCode.isSilence(code), let cause = handle.failures.text { reason += ": " + cause }
    onReport(id, .possiblyPersisted(reason))
  }

  private func fail() {
    guard !isFatal else { return }
    isFatal = true
    var text = [CChar](repeating: 0, count: 512)
    rd_kafka_fatal_error(handle.pointer, &text, text.count)
    let reason = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    onTrouble(self, .fatal(reason))
  }

  // MARK: - The end

  /// Waits until everything is reported, purges at `deadline` what is left (which is reported too), and frees the client.
  func close(deadline: Instant) async {
    if let closing {
      _ = try? await closing.value(deadline: deadline + Self.purgeWait)
      return
    }
    let closing = Completion<Void>()
    self.closing = closing
    await drained(by: isFatal ? .now : deadline)
    if inFlight > 0 {
      rd_kafka_purge(
        handle.pointer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING)
      await drained(by: .now + Self.purgeWait)
    }
    pump?.stop()
    pump = nil
    await endFlusher()
    for topic in topics.values { rd_kafka_topic_destroy(topic) }
    (topics, latestTopic) = ([:], nil)
    await handle.destroy()
    closing.succeed(())
  }

  private func endFlusher() async {
    guard let flusher else { return }
    self.flusher = nil
    let ended = Completion<Void>()
    flusher.stop { EventLoop.shared.submit { ended.succeed(()) } }
    try? await ended.value()
  }

  /// Polls, because the library does not say when its last message is acknowledged unless it reports successes.
  private func drained(by deadline: Instant) async {
    while inFlight > 0, Instant.now < deadline { await EventLoop.shared.sleep(for: .milliseconds(2)) }
  }
}

/// A client that is flushed. Unchecked Sendable because the library's handle may be used from any thread, and the session
/// ends the thread that flushes before it destroys the client.
private struct FlushedClient: @unchecked Sendable {
  let pointer: OpaquePointer
  /// As long as this, or until nothing is under way, the library does not linger.
  private static let milliseconds: Int32 = 2

  func flush() { rd_kafka_flush(pointer, FlushedClient.milliseconds) }
}
