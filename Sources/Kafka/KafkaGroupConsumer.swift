internal import Crdkafka
package import EventLoop

/// What a group has decided about this member.
package enum KafkaRebalance: Hashable, Sendable {
  /// These partitions are ours now; nothing is read before `assign` says from where.
  case assigned([Int32])
  /// These are ours no longer: what has been taken of them cannot be committed any more. `lost` means that another
  /// member may have had them for a while.
  case revoked([Int32], lost: Bool)
}

/// A member of a consumer group. The owner says from where each partition is read, takes messages in bounded bites
/// and commits offsets when their effect is durable.
///
///     assigned ─▶ assign(from:) ─▶ next(atMost:) ─▶ effect ─▶ commit
///     the effect fails for a while: pause ─▶ (stays in the group, reads nothing) ─▶ resume
///
/// `GroupReader` decides; this passes the library's events to it and carries out the actions that it returns.
@LoopActor
package final class KafkaGroupConsumer: EventTaker {
  package struct Options: Sendable {
    /// As for `KafkaTail`; short enough for the embedded broker too.
    package var fetchWait: Duration
    /// Bytes of a value that are copied at most; of a partition's first message all.
    package var valueLimit: Int
    /// Messages held for the owner, and their bytes; beyond either they stay in the library.
    package var maxHeld: Int
    package var maxHeldBytes: Int

    package init(
      fetchWait: Duration = .milliseconds(20), valueLimit: Int = .max, maxHeld: Int = 4096,
      maxHeldBytes: Int = 16 << 20
    ) {
      (self.fetchWait, self.valueLimit) = (fetchWait, valueLimit)
      (self.maxHeld, self.maxHeldBytes) = (maxHeld, maxHeldBytes)
    }
  }

  /// Events handled in one turn of the loop.
  private static let eventsATurn = 4096
  /// How often the library is told that its owner is alive.
  private static let aliveInterval = Duration.seconds(1)
  /// With a group that has given nothing yet: while connections fail; until its coordinator is looked at; and without any
  /// cause, for a group waits for members that were busy or have died.
  private static let patience = (
    failing: Duration.seconds(3), coordinator: Duration.seconds(5), silent: Duration.seconds(20)
  )

  private let options: Options
  private let onRebalance: @LoopActor (KafkaRebalance) -> Void
  private let onProblem: @LoopActor (KafkaProblem) -> Void
  private let client: GroupClient
  private let readPermit = ReadPermit()
  /// Partitions that were sought while an event waited in the pump.
  private var soughtSincePolled: Set<Int32> = []
  private var reader: GroupReader
  /// Of this client alone; answers to commits and to leaving come on it.
  private var queue: OpaquePointer?
  private var pump: EventPump?
  private var waiting: Completion<Void>?
  private var commits: [UInt: Completion<Void>] = [:]
  private var lastCommit: UInt = 0
  private var aliveTimer: LoopTimer?
  /// While the group has given nothing.
  private var silentSince: Instant?
  private var isAskingWhy = false
  /// Why the group has given nothing, as the owner has heard last: told once, in whatever words.
  private var toldCause: String?

  /// - Throws: `misconfigured`; brokers that are not there are a problem that is reported, not an error.
  package init(
    configuration: KafkaConfiguration, group: String, topic: String, options: Options = Options(),
    onRebalance: @escaping @LoopActor (KafkaRebalance) -> Void,
    onProblem: @escaping @LoopActor (KafkaProblem) -> Void
  ) throws(KafkaError) {
    (self.options, self.onRebalance, self.onProblem) = (options, onRebalance, onProblem)
    client = try GroupClient(configuration, group: group, topic: topic, options: options)
    reader = GroupReader(GroupReader.Limits(messages: options.maxHeld, bytes: options.maxHeldBytes))
  }

  /// Stands between each turn's reading and the broker.
  package var seam: (any CallSeam)? {
    get { readPermit.seam }
    set { readPermit.seam = newValue }
  }

  /// The partitions of the latest `assigned`.
  package var partitions: Set<Int32> { reader.partitions }

  /// Joins the group.
  package func start() throws(KafkaError) {
    guard pump == nil, !reader.isClosed else { return }
    queue = try client.makeQueue()
    pump = try EventPump(
      owning: client.makeQueue(), bound: Self.eventsATurn, for: self)
    try client.subscribe()
    reader.join()
    silentSince = .now
    tellAlive()
  }

  private func tellAlive() {
    guard !reader.isClosed else { return }
    client.tellAlive()
    complainOfSilence()
    aliveTimer = EventLoop.shared.schedule(after: Self.aliveInterval) { [weak self] in self?.tellAlive() }
  }

  /// Starts to read, from these offsets, those of the partitions that are still ours; the answer to `.assigned`.
  package func assign(from offsets: [Int32: Int64]) { perform(reader.assign(from: offsets)) }

  /// At least one message as soon as there is one; in offset order within a partition. Empty after `close`.
  /// At most one caller waits at a time.
  ///
  /// - Parameter bytes: of keys and values; the first message comes whatever it has.
  package func next(atMost limit: Int, bytes: Int = .max) async -> [KafkaMessage] {
    while reader.mustWait {
      let arrival = Completion<Void>()
      waiting = arrival
      _ = try? await arrival.value()
    }
    let (messages, actions) = reader.take(atMost: limit, bytes: bytes)
    perform(actions)
    return messages
  }

  /// Reads nothing more and forgets what nobody has taken, but stays in the group.
  package func pause() { perform(reader.pause()) }

  /// Goes on behind what was taken last.
  package func resume() { perform(reader.resume()) }

  /// The partition goes on from `offset`, also after a problem.
  package func seek(_ partition: Int32, to offset: Int64) { perform(reader.seek(partition, to: offset)) }

  /// Tells the group the next offset of each partition that is ours. Await the answer or leave it.
  @discardableResult
  package func commit(_ offsets: [Int32: Int64]) -> Completion<Void> {
    let answer = Completion<Void>()
    guard let queue, let ours = reader.committable(offsets) else {
      answer.fail(KafkaError.unavailable("not in the group"))
      return answer
    }
    lastCommit += 1
    commits[lastCommit] = answer
    let code = client.commit(ours, id: lastCommit, answerOn: queue)
    if code != RD_KAFKA_RESP_ERR_NO_ERROR { answered(lastCommit, code) }
    return answer
  }

  /// Leaves the group (until `deadline`) and ends the client.
  package func close(deadline: Instant) async {
    guard !reader.isClosed else { return }
    aliveTimer?.cancel()
    readPermit.open(pump)
    let actions = reader.close()
    perform(actions)
    if let queue {
      // Where it could not subscribe there is no group to leave.
      let leaves = actions.contains(.leave)
      while leaves, !client.hasLeft, Instant.now < deadline {
        await EventLoop.shared.sleep(for: .milliseconds(5))
      }
      pump?.stop()
      pump = nil
      rd_kafka_queue_destroy(queue)
      self.queue = nil
    }
    for answer in commits.values { answer.fail(KafkaError.unavailable("the consumer is closed")) }
    commits = [:]
    await client.destroy()
  }

  // MARK: - Events

  func take(_ event: OpaquePointer, _ budget: inout Int) -> EventPump.Answer {
    budget -= 1
    switch rd_kafka_event_type(event) {
    case RD_KAFKA_EVENT_FETCH:
      guard readPermit.admits(pump) else { return .unfinished }
      defer { soughtSincePolled = [] }
      while let message = rd_kafka_event_message_next(event) {
        // Off the library's queue before the seek, which drops only what is in it.
        guard !soughtSincePolled.contains(message.pointee.partition) else { continue }
        perform(
          reader.arrived(message.pointee.partition, message.pointee.offset) {
            KafkaMessage(copying: message, headers: false, upTo: options.valueLimit)
          })
      }
    case RD_KAFKA_EVENT_REBALANCE: rebalance(event)
    case RD_KAFKA_EVENT_OFFSET_COMMIT:
      answered(UInt(bitPattern: rd_kafka_event_opaque(event)), rd_kafka_event_error(event))
    case RD_KAFKA_EVENT_ERROR: trouble(event)
    default: break
    }
    return .done
  }

  func turned(isDrained: Bool) {
    readPermit.turned(isDrained: isDrained)
    perform(reader.turned())
  }

  /// A group that cannot be joined is no error to the library: a coordinator whose name does not resolve is asked for
  /// ever.
  private func complainOfSilence() {
    guard let silentSince else { return }
    let silence = Instant.now - silentSince
    if let cause = client.failures {
      if silence > Self.patience.failing, cause != toldCause { complain(cause) }
    } else if silence > Self.patience.coordinator, !isAskingWhy {
      isAskingWhy = true
      EventLoop.shared.spawn { await self.askWhy() }
    }
  }

  /// Brokers that answer, and a group that does not.
  private func askWhy() async {
    let fault = await client.coordinatorFault(deadline: .now + .seconds(2))
    isAskingWhy = false
    guard let silentSince, !reader.isClosed else { return }
    if let fault {
      complain(fault)
    } else if Instant.now - silentSince > Self.patience.silent {
      complain("the brokers answer, but the group's coordinator gives no partitions; see the brokers' logs")
    }
  }

  private func complain(_ cause: String) {
    toldCause = cause
    onProblem(.unreachable("the group has not been joined yet: \(cause)"))
  }

  private func rebalance(_ event: OpaquePointer) {
    if rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
      (silentSince, toldCause) = (nil, nil)
      let listed = rd_kafka_event_topic_partition_list(event).map { PartitionList.entries(of: $0) } ?? []
      perform(reader.assigned(listed.map(\.partition)))
    } else {
      silentSince = .now
      perform(reader.revoked(isLost: client.isAssignmentLost))
    }
  }

  private func trouble(_ event: OpaquePointer) {
    let code = rd_kafka_event_error(event)
    let place = ErrorPlace(event)
    if code == RD_KAFKA_RESP_ERR__PARTITION_EOF {
      if let place { perform(reader.ended(place.partition, at: place.offset)) }
      return
    }
    var reason = String(cString: rd_kafka_event_error_string(event))
    let cause = ErrorCode.isSilence(code) ? client.failures : nil
    if let cause { reason += ": " + cause }
    guard let problem = ErrorCode.asProblem(code, partition: place?.partition, reason: reason) else { return }
    if let cause, silentSince != nil {
      guard cause != toldCause else { return }
      toldCause = cause
    }
    perform(reader.failed(problem))
  }

  private func answered(_ commit: UInt, _ code: rd_kafka_resp_err_t) {
    let answer = commits.removeValue(forKey: commit)
    if code == RD_KAFKA_RESP_ERR_NO_ERROR {
      answer?.succeed(())
    } else {
      answer?.fail(ErrorCode.asError(code, "commit"))
    }
  }

  // MARK: - Actions

  private func perform(_ actions: [GroupReader.Action]) {
    for action in actions {
      switch action {
      case .assign(let offsets): client.assign(offsets)
      case .unassign: client.unassign()
      case .seek(let partition, let offset):
        if pump?.hasPolled == true { soughtSincePolled.insert(partition) }
        client.seek(partition, to: offset)
      case .pause(let partitions): client.pause(partitions)
      case .resume(let partitions): client.resume(partitions)
      case .leave: if let queue { client.leave(answerOn: queue) }
      case .hold: pump?.hold(.full)
      case .release: pump?.release(.full)
      case .rebalanced(let change): onRebalance(change)
      case .report(let problem): onProblem(problem)
      case .wake:
        waiting?.succeed(())
        waiting = nil
      }
    }
  }
}
