internal import Crdkafka
package import EventLoop

/// Reads a whole topic from given offsets, without a group: every partition, every offset, each once and in its order.
///
/// A message is handed on only if its offset is the next one of its partition. A partition with a gap, or whose log
/// is not what it was, is reported once and not read any further.
@LoopActor
package final class KafkaTail: EventTaker {
  package struct Options: Sendable {
    /// How long a broker may hold back an answer while it has nothing new. A real broker answers as soon as something
    /// comes; the embedded one does not, so there this is the delay (see `forMockBroker`).
    package var fetchWait: Duration
    /// Whether the messages' keys are copied.
    package var keepsKeys = true
    /// Whether the messages' headers are copied too.
    package var keepsHeaders: Bool
    /// Bytes of a value that are copied at most; a partition's first message is copied whole.
    package var valueLimit: Int

    package init(
      fetchWait: Duration = .milliseconds(100), keepsHeaders: Bool = false, valueLimit: Int = .max
    ) {
      (self.fetchWait, self.keepsHeaders, self.valueLimit) = (fetchWait, keepsHeaders, valueLimit)
    }

    /// For a broker that does not wake its readers.
    package static let forMockBroker = Options(fetchWait: .milliseconds(2))
  }

  /// The most messages handed on at once, and how often in one turn of the loop.
  package static let bite = 128
  package static let bitesATurn = 32
  /// Values up to this size leave their memory for others.
  private static let keptBytes = 1_024

  /// Stands between each turn's reading and the broker.
  package var seam: (any CallSeam)? {
    get { readPermit.seam }
    set { readPermit.seam = newValue }
  }
  /// Whether a broker answered when it was last needed.
  package private(set) var isReachable = false

  private let configuration: KafkaConfiguration
  private let topic: String
  private let options: Options
  private let onMessages: @LoopActor ([KafkaMessage]) -> Void
  private let onProblem: @LoopActor (KafkaProblem) -> Void
  private let readPermit = ReadPermit()
  private var order = OffsetOrder()
  private var batch: [KafkaMessage] = []
  /// Memory of values that were handed on, for the next ones.
  private var buffers: [[UInt8]] = []
  private var client: TailClient?
  private var pump: EventPump?
  private var isProbing = false

  /// - Parameter offsets: the first offset to read of each partition; their number is the number of partitions.
  package init(
    configuration: KafkaConfiguration, topic: String, from offsets: [Int64], options: Options = Options(),
    onMessages: @escaping @LoopActor ([KafkaMessage]) -> Void,
    onProblem: @escaping @LoopActor (KafkaProblem) -> Void
  ) {
    (self.configuration, self.topic, self.options) = (configuration, topic, options)
    (self.onMessages, self.onProblem) = (onMessages, onProblem)
    for (partition, offset) in offsets.enumerated() { order.set(Int32(partition), to: offset) }
    readPermit.onShut = { [weak self] in self?.isReachable = false }
  }

  /// Begins to read.
  ///
  /// - Throws: `misconfigured`; brokers that are not there are a problem that is reported, not an error.
  package func start() throws(KafkaError) {
    guard client == nil else { return }
    let client = try TailClient(configuration, topic, options)
    pump = try EventPump(
      owning: client.queue, bound: Self.bite * Self.bitesATurn, for: self)
    self.client = client
    for (partition, offset) in order.positions { client.begin(partition, at: offset) }
    probe()
  }

  /// Ends the client; nothing is handed on any more.
  package func close() async {
    guard let client else { return }
    self.client = nil
    pump?.stop()
    pump = nil
    batch = []
    await client.close()
  }

  // MARK: - Events

  func take(_ event: OpaquePointer, _ budget: inout Int) -> EventPump.Answer {
    guard readPermit.admits(pump) else { return .unfinished }
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
        KafkaMessage(
          copying: message, key: options.keepsKeys, headers: options.keepsHeaders, upTo: options.valueLimit,
          in: emptyBuffer()))
      if batch.count >= Self.bite { flush() }
    case .gap(let expected):
      flush()
      onProblem(.gap(partition: partition, expected: expected, found: offset))
    case .stale, .stopped: break
    }
  }

  func turned(isDrained: Bool) {
    readPermit.turned(isDrained: isDrained)
    flush()
  }

  private func flush() {
    guard !batch.isEmpty, client != nil else { return }
    isReachable = true
    let full = batch
    batch = []
    batch.reserveCapacity(min(full.count, Self.bite))
    onMessages(full)
    for message in full where buffers.count < Self.bite && message.value.count <= Self.keptBytes {
      buffers.append(message.value)
    }
  }

  /// Emptied only now: whoever still holds the value that was in it keeps it, and the memory.
  private func emptyBuffer() -> [UInt8] {
    guard var buffer = buffers.popLast() else { return [] }
    buffer.removeAll(keepingCapacity: true)
    return buffer
  }

  private func trouble(_ event: OpaquePointer) {
    let code = rd_kafka_event_error(event)
    let place = ErrorPlace(event)
    if code == RD_KAFKA_RESP_ERR__PARTITION_EOF {
      if let place { ended(place) }
      return
    }
    var reason = String(cString: rd_kafka_event_error_string(event))
    if ErrorCode.isSilence(code), let cause = client?.failures { reason += ": " + cause }
    switch ErrorCode.asProblem(code, partition: place?.partition, reason: reason) {
    case .reset(let partition, let reason):
      if order.stop(partition) { onProblem(.reset(partition: partition, reason: reason)) }
    case .unreachable(let reason):
      isReachable = false
      onProblem(.unreachable(reason))
      probe()
    case .some(let problem): onProblem(problem)
    case .none: break
    }
  }

  /// An end behind the next offset is a gap: the log holds something there that is no message.
  private func ended(_ place: ErrorPlace) {
    isReachable = true
    guard let expected = order.position(place.partition), place.offset > expected, order.stop(place.partition)
    else { return }
    onProblem(.gap(partition: place.partition, expected: expected, found: place.offset))
  }

  /// Looks at a partition until a broker answers: an idle topic gives no other sign that one is back.
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
}
