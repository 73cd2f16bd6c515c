internal import Crdkafka
internal import EventLoop

/// The state of a member of a group: what is its own, what it has read and nobody has taken, and what it waits for.
@LoopActor
final class GroupReader {
  /// Events handled in one turn of the loop.
  private static let eventsATurn = 4096
  /// How often the library is told that its owner is alive.
  private static let aliveInterval = Duration.seconds(1)
  private static let faultPause = Duration.milliseconds(100)

  let client: GroupClient
  var fault: KafkaFaultHook?
  private(set) var partitions: Set<Int32> = []
  private let options: KafkaGroupConsumer.Options
  private let onRebalance: @LoopActor (KafkaRebalance) -> Void
  private let onProblem: @LoopActor (KafkaProblem) -> Void
  private var queue: OpaquePointer?
  private var pump: EventPump?
  private var order = OffsetOrder()
  /// Partitions that the library itself has stopped reading; a seek alone does not start them again.
  private var halted: Set<Int32> = []
  private var held = Deque<KafkaMessage>()
  private var heldBytes = 0
  private var taken: [Int32: Int64] = [:]
  private var waiting: Completion<Void>?
  private var commits: [UInt: Completion<Void>] = [:]
  private var lastCommit: UInt = 0
  private var aliveTimer: LoopTimer?
  private var isPaused = false
  private var isClosed = false
  private var hasAskedFault = false

  init(
    _ client: GroupClient, _ options: KafkaGroupConsumer.Options,
    onRebalance: @escaping @LoopActor (KafkaRebalance) -> Void,
    onProblem: @escaping @LoopActor (KafkaProblem) -> Void
  ) {
    (self.client, self.options, self.onRebalance, self.onProblem) = (client, options, onRebalance, onProblem)
  }

  func start() throws(KafkaError) {
    guard pump == nil, !isClosed else { return }
    queue = try client.makeQueue()
    pump = try EventPump(
      owning: client.makeQueue(), bound: Self.eventsATurn,
      onEvent: { [weak self] event, budget in self?.take(event, &budget) ?? .done },
      onTurn: { [weak self] in self?.turned() })
    try client.subscribe()
    tellAlive()
  }

  private func tellAlive() {
    guard !isClosed else { return }
    client.tellAlive()
    aliveTimer = EventLoop.shared.schedule(after: Self.aliveInterval) { [weak self] in self?.tellAlive() }
  }

  // MARK: - Reading

  func next(atMost limit: Int) async -> [KafkaMessage] {
    while held.isEmpty, !isClosed {
      let arrival = Completion<Void>()
      waiting = arrival
      _ = try? await arrival.value()
    }
    return take(atMost: limit)
  }

  func take(atMost limit: Int) -> [KafkaMessage] {
    var bite: [KafkaMessage] = []
    bite.reserveCapacity(min(limit, held.count))
    while bite.count < limit, let message = held.popFirst() {
      bite.append(message)
      heldBytes -= message.size
      taken[message.partition] = message.offset + 1
    }
    if held.count <= options.maxHeld / 2, heldBytes <= options.maxHeldBytes / 2 { pump?.release() }
    return bite
  }

  func position(_ partition: Int32) -> Int64? { taken[partition] }

  func assign(from offsets: [Int32: Int64]) {
    let ours = offsets.filter { partitions.contains($0.key) }
    guard !isClosed else { return }
    for (partition, offset) in ours {
      order.set(partition, to: offset)
      taken[partition] = offset
    }
    halted = []
    client.assign(ours)
    if isPaused { client.pause(ours.keys) }
  }

  func seek(_ partition: Int32, to offset: Int64) {
    guard !isClosed, order.position(partition) != nil else { return }
    forget { $0 == partition }
    order.set(partition, to: offset)
    taken[partition] = offset
    if halted.isEmpty {
      client.seek(partition, to: offset)
    } else {
      assign(from: order.positions)
    }
  }

  func pause() {
    guard !isPaused, !isClosed else { return }
    isPaused = true
    client.pause(order.positions.keys)
    forget { _ in true }
  }

  func resume(from offsets: [Int32: Int64]) {
    guard isPaused, !isClosed else { return }
    isPaused = false
    for partition in order.positions.keys {
      if let offset = offsets[partition] ?? taken[partition] { seek(partition, to: offset) }
    }
    client.resume(order.positions.keys)
  }

  /// Drops what is held and nobody has taken.
  private func forget(_ isDropped: (Int32) -> Bool) {
    var kept = Deque<KafkaMessage>()
    while let message = held.popFirst() {
      if isDropped(message.partition) { heldBytes -= message.size } else { kept.append(message) }
    }
    held = kept
    pump?.release()
  }

  func commit(_ offsets: [Int32: Int64]) -> Completion<Void> {
    let answer = Completion<Void>()
    guard let queue, !isClosed, !offsets.isEmpty else {
      answer.fail(KafkaError.unavailable("not in the group"))
      return answer
    }
    lastCommit += 1
    commits[lastCommit] = answer
    let code = client.commit(offsets, id: lastCommit, answerOn: queue)
    if code != RD_KAFKA_RESP_ERR_NO_ERROR { commits.removeValue(forKey: lastCommit)?.fail(error(code)) }
    return answer
  }

  private func error(_ code: rd_kafka_resp_err_t) -> KafkaError { ErrorCode.asError(code, "commit") }

  // MARK: - Events

  private func take(_ event: OpaquePointer, _ budget: inout Int) -> EventPump.Answer {
    budget -= 1
    switch rd_kafka_event_type(event) {
    case RD_KAFKA_EVENT_FETCH:
      if isKeptBack() { return .unfinished }
      while let message = rd_kafka_event_message_next(event) { accept(message) }
      if held.count >= options.maxHeld || heldBytes >= options.maxHeldBytes { pump?.hold() }
    case RD_KAFKA_EVENT_REBALANCE: rebalance(event)
    case RD_KAFKA_EVENT_OFFSET_COMMIT: answered(event)
    case RD_KAFKA_EVENT_ERROR: trouble(event)
    default: break
    }
    return .done
  }

  private func turned() {
    hasAskedFault = false
    guard !held.isEmpty, let waiting else { return }
    self.waiting = nil
    waiting.succeed(())
  }

  private func accept(_ message: UnsafePointer<rd_kafka_message_t>) {
    let (partition, offset) = (message.pointee.partition, message.pointee.offset)
    guard !isPaused else { return }
    switch order.accept(partition, offset) {
    case .next: hold(KafkaMessage(copying: message, headers: options.keepsHeaders, upTo: options.valueLimit))
    case .gap(let expected): onProblem(.gap(partition: partition, expected: expected, found: offset))
    case .stale, .stopped: break
    }
  }

  private func hold(_ message: KafkaMessage) {
    held.append(message)
    heldBytes += message.size
  }

  private func rebalance(_ event: OpaquePointer) {
    let listed = rd_kafka_event_topic_partition_list(event).map { PartitionList.partitions(of: $0) } ?? []
    if rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
      partitions = Set(listed)
      onRebalance(.assigned(listed.sorted()))
      return
    }
    let isLost = client.isAssignmentLost
    let gone = partitions
    partitions = []
    forget { gone.contains($0) }
    for partition in gone {
      order.remove(partition)
      taken[partition] = nil
    }
    onRebalance(.revoked(gone.sorted(), lost: isLost))
    client.unassign()
  }

  private func answered(_ event: OpaquePointer) {
    let id = UInt(bitPattern: rd_kafka_event_opaque(event))
    guard let answer = commits.removeValue(forKey: id) else { return }
    let code = rd_kafka_event_error(event)
    if code == RD_KAFKA_RESP_ERR_NO_ERROR { answer.succeed(()) } else { answer.fail(error(code)) }
  }

  private func trouble(_ event: OpaquePointer) {
    let code = rd_kafka_event_error(event)
    let place = ErrorPlace(event)
    if code == RD_KAFKA_RESP_ERR__PARTITION_EOF {
      // The end behind the next offset: the log holds something there that is no message.
      if let place, let expected = order.position(place.partition), place.offset > expected, !isPaused,
        order.stop(place.partition)
      {
        onProblem(.gap(partition: place.partition, expected: expected, found: place.offset))
      }
      return
    }
    let reason = String(cString: rd_kafka_event_error_string(event))
    guard let problem = ErrorCode.asProblem(code, partition: place?.partition, reason: reason) else { return }
    if case .reset(let partition, _) = problem {
      halted.insert(partition)
      if !order.stop(partition) { return }
    }
    onProblem(problem)
  }

  /// Whether a fault keeps the next bite back.
  private func isKeptBack() -> Bool {
    guard let fault, !hasAskedFault else { return false }
    hasAskedFault = true
    guard let bite = fault(.consume) else { return false }
    pump?.hold()
    var (pause, isOnce) = (Self.faultPause, false)
    if case .delay(let wait) = bite { (pause, isOnce) = (wait, true) }
    EventLoop.shared.schedule(after: pause) { [isOnce] in
      self.hasAskedFault = isOnce
      self.pump?.release()
    }
    return true
  }

  // MARK: - The end

  func close(deadline: Instant) async {
    guard !isClosed else { return }
    isClosed = true
    aliveTimer?.cancel()
    held.removeAll()
    heldBytes = 0
    waiting?.succeed(())
    waiting = nil
    if let queue {
      pump?.release()
      client.leave(answerOn: queue)
      while !client.hasLeft, Instant.now < deadline { await EventLoop.shared.sleep(for: .milliseconds(5)) }
      pump?.stop()
      pump = nil
      rd_kafka_queue_destroy(queue)
      self.queue = nil
    }
    for answer in commits.values { answer.fail(KafkaError.unavailable("the consumer is closed")) }
    commits = [:]
    await client.destroy()
  }
}

extension KafkaMessage {
  fileprivate var size: Int { key.count + value.count }
}
