internal import Crdkafka
package import EventLoop

/// Reads a whole topic from given offsets, without a group: every partition, every offset, each once and in its order.
///
/// A message is handed on only if its offset is the next one of its partition. A partition with a gap, or whose log
/// is not what it was, stops and is reported once; `seek` lets it go on.
@LoopActor
package final class KafkaTail {
  package struct Options: Sendable {
    /// How long a broker may hold back an answer while it has nothing new. A broker answers at once when something
    /// comes, but the embedded one does not notice: there this is the delay (see `forMockBroker`).
    package var fetchWait: Duration
    /// The messages' headers are copied as well.
    package var keepsHeaders: Bool
    /// Bytes of a value that are copied at most; of a partition's first message all.
    package var valueLimit: Int

    package init(
      fetchWait: Duration = .milliseconds(100), keepsHeaders: Bool = false, valueLimit: Int = .max
    ) {
      (self.fetchWait, self.keepsHeaders, self.valueLimit) = (fetchWait, keepsHeaders, valueLimit)
    }

    /// For a broker that is not woken by what is sent to it.
    package static let forMockBroker = Options(fetchWait: .milliseconds(2))
  }

  /// Messages handed on at once, and how often in one turn of the loop.
  package static let bite = 512
  package static let bitesATurn = 8

  /// How soon a reader that a fault keeps from reading tries again.
  private static let faultPause = Duration.milliseconds(100)

  /// Asked before each bite; for experiments.
  package var fault: KafkaFaultHook?
  /// Whether a broker has answered since the last time that none did.
  package private(set) var isReachable = false

  private let configuration: KafkaConfiguration
  private let topic: String
  private let options: Options
  private let onMessages: @LoopActor ([KafkaMessage]) -> Void
  private let onEnd: @LoopActor (_ partition: Int32, _ offset: Int64) -> Void
  private let onProblem: @LoopActor (KafkaProblem) -> Void
  private var order = OffsetOrder()
  /// Partitions that the library itself has stopped reading; a seek alone does not start them again.
  private var halted: Set<Int32> = []
  private var batch: [KafkaMessage] = []
  private var client: TailClient?
  private var pump: EventPump?
  private var isProbing = false
  private var hasAskedFault = false

  /// - Parameters:
  ///   - offsets: the first offset to read of each partition; their number is the number of partitions.
  ///   - onEnd: the partition has been read to its end, which was at `offset` (at the start, and after each burst).
  package init(
    configuration: KafkaConfiguration, topic: String, from offsets: [Int64], options: Options = Options(),
    onMessages: @escaping @LoopActor ([KafkaMessage]) -> Void,
    onEnd: @escaping @LoopActor (_ partition: Int32, _ offset: Int64) -> Void = { _, _ in },
    onProblem: @escaping @LoopActor (KafkaProblem) -> Void
  ) {
    (self.configuration, self.topic, self.options) = (configuration, topic, options)
    (self.onMessages, self.onEnd, self.onProblem) = (onMessages, onEnd, onProblem)
    for (partition, offset) in offsets.enumerated() { order.set(Int32(partition), to: offset) }
  }

  /// Begins to read.
  ///
  /// - Throws: `misconfigured`; brokers that are not there are a problem that is reported, not an error.
  package func start() throws(KafkaError) {
    guard client == nil else { return }
    let client = try TailClient(configuration, topic, options)
    pump = try EventPump(
      owning: client.queue, bound: Self.bite * Self.bitesATurn,
      onEvent: { [weak self] event, budget in self?.take(event, &budget) ?? .done },
      onTurn: { [weak self] in self?.turned() })
    self.client = client
    for (partition, offset) in order.positions { client.begin(partition, at: offset) }
    probe()
  }

  /// The next offset that will be handed on.
  package func position(_ partition: Int32) -> Int64? { order.position(partition) }

  /// Nothing more of this partition until `resume`.
  package func pause(_ partition: Int32) { client?.pause(partition) }

  package func resume(_ partition: Int32) { client?.resume(partition) }

  /// The partition goes on from `offset`, also after a problem.
  package func seek(_ partition: Int32, to offset: Int64) {
    order.set(partition, to: offset)
    if halted.remove(partition) != nil {
      client?.restart(partition, at: offset)
    } else {
      client?.seek(partition, to: offset)
    }
  }

  /// The end; nothing is handed on any more.
  package func close() async {
    guard let client else { return }
    self.client = nil
    pump?.stop()
    pump = nil
    batch = []
    await client.close()
  }

  // MARK: - Events

  private func take(_ event: OpaquePointer, _ budget: inout Int) -> EventPump.Answer {
    if let fault, !hasAskedFault {
      hasAskedFault = true
      if let bite = fault(.consume) {
        suffer(bite)
        return .unfinished
      }
    }
    switch rd_kafka_event_type(event) {
    case RD_KAFKA_EVENT_FETCH:
      while let message = rd_kafka_event_message_next(event) { accept(message) }
    case RD_KAFKA_EVENT_ERROR:
      flush()
      trouble(event)
    default: break
    }
    budget -= 1
    return .done
  }

  private func accept(_ message: UnsafePointer<rd_kafka_message_t>) {
    let (partition, offset) = (message.pointee.partition, message.pointee.offset)
    switch order.accept(partition, offset) {
    case .next:
      batch.append(
        KafkaMessage(copying: message, headers: options.keepsHeaders, upTo: options.valueLimit))
      if batch.count >= Self.bite { flush() }
    case .gap(let expected):
      flush()
      onProblem(.gap(partition: partition, expected: expected, found: offset))
    case .stale, .stopped: break
    }
  }

  private func turned() {
    hasAskedFault = false
    flush()
  }

  private func flush() {
    guard !batch.isEmpty, client != nil else { return }
    isReachable = true
    let full = batch
    batch = []
    batch.reserveCapacity(min(full.count, Self.bite))
    onMessages(full)
  }

  private func trouble(_ event: OpaquePointer) {
    let code = rd_kafka_event_error(event)
    let place = ErrorPlace(event)
    if code == RD_KAFKA_RESP_ERR__PARTITION_EOF {
      if let place { ended(place) }
      return
    }
    let reason = String(cString: rd_kafka_event_error_string(event))
    switch ErrorCode.asProblem(code, partition: place?.partition, reason: reason) {
    case .reset(let partition, let reason):
      halted.insert(partition)
      if order.stop(partition) { onProblem(.reset(partition: partition, reason: reason)) }
    case .unreachable(let reason):
      isReachable = false
      onProblem(.unreachable(reason))
      probe()
    case .some(let problem): onProblem(problem)
    case .none: break
    }
  }

  /// The end lies behind the next offset where the log holds something that is no message: a gap as well.
  private func ended(_ place: ErrorPlace) {
    isReachable = true
    guard let expected = order.position(place.partition) else { return }
    if place.offset > expected {
      guard order.stop(place.partition) else { return }
      onProblem(.gap(partition: place.partition, expected: expected, found: place.offset))
    } else if place.offset == expected {
      onEnd(place.partition, place.offset)
    }
  }

  /// Asks for a partition's end until a broker answers: a silent topic gives no other sign that one is back.
  private func probe() {
    guard !isProbing else { return }
    isProbing = true
    EventLoop.shared.spawn {
      while let client = self.client, !self.isReachable {
        if await client.answers() {
          self.isReachable = true
        } else {
          await EventLoop.shared.sleep(for: .milliseconds(100))
        }
      }
      self.isProbing = false
    }
  }

  private func suffer(_ bite: KafkaFault) {
    pump?.hold()
    switch bite {
    case .delay(let wait):
      EventLoop.shared.schedule(after: wait) {
        self.hasAskedFault = true
        self.pump?.release()
      }
    case .fail, .hang:
      isReachable = false
      EventLoop.shared.schedule(after: Self.faultPause) { self.pump?.release() }
    }
  }
}
