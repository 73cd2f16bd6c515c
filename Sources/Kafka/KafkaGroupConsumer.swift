package import EventLoop

/// What a group has decided about this member.
package enum KafkaRebalance: Hashable, Sendable {
  /// These partitions are ours now; nothing is read before `assign` says from where.
  case assigned([Int32])
  /// These are another's, or nobody's: what has been taken of them must not be committed any more. `lost` means
  /// that another member may have had them for a while.
  case revoked([Int32], lost: Bool)
}

/// A member of a consumer group. The owner says from where each partition is read, takes messages in bounded bites
/// and commits offsets when their effect is durable.
///
///     assigned ─▶ assign(from:) ─▶ next(atMost:) ─▶ effect ─▶ commit
///     the effect fails for a while: pause ─▶ (polls on, reads nothing) ─▶ resume(from:)
@LoopActor
package final class KafkaGroupConsumer {
  package struct Options: Sendable {
    /// As for `KafkaTail`; short enough for the embedded broker too.
    package var fetchWait: Duration
    /// After this without a heartbeat the group takes a dead member's partitions away (a broker's least is 6 s).
    package var sessionTimeout: Duration
    package var keepsHeaders: Bool
    /// Bytes of a value that are copied at most; of a partition's first message all.
    package var valueLimit: Int
    /// Messages held for the owner, and their bytes; beyond either they stay in the library.
    package var maxHeld: Int
    package var maxHeldBytes: Int

    package init(
      fetchWait: Duration = .milliseconds(20), sessionTimeout: Duration = .seconds(6),
      keepsHeaders: Bool = false, valueLimit: Int = .max, maxHeld: Int = 4096, maxHeldBytes: Int = 16 << 20
    ) {
      (self.fetchWait, self.sessionTimeout) = (fetchWait, sessionTimeout)
      (self.keepsHeaders, self.valueLimit) = (keepsHeaders, valueLimit)
      (self.maxHeld, self.maxHeldBytes) = (maxHeld, maxHeldBytes)
    }
  }

  /// Asked before each bite; for experiments.
  package var fault: KafkaFaultHook? {
    get { reader.fault }
    set { reader.fault = newValue }
  }

  private let reader: GroupReader

  /// - Throws: `misconfigured`; brokers that are not there are a problem that is reported, not an error.
  package init(
    configuration: KafkaConfiguration, group: String, topic: String, options: Options = Options(),
    onRebalance: @escaping @LoopActor (KafkaRebalance) -> Void,
    onProblem: @escaping @LoopActor (KafkaProblem) -> Void
  ) throws(KafkaError) {
    reader = try GroupReader(
      GroupClient(configuration, group: group, topic: topic, options: options), options,
      onRebalance: onRebalance, onProblem: onProblem)
  }

  /// Joins the group.
  package func start() throws(KafkaError) { try reader.start() }

  /// The partitions of the latest `assigned`.
  package var partitions: Set<Int32> { reader.partitions }

  /// Starts to read, from these offsets, those of the partitions that are still ours; the answer to `.assigned`.
  package func assign(from offsets: [Int32: Int64]) { reader.assign(from: offsets) }

  /// At least one message as soon as there is one; in offset order within a partition. Empty after `close`.
  /// At most one caller waits at a time.
  package func next(atMost limit: Int) async -> [KafkaMessage] { await reader.next(atMost: limit) }

  /// What is there already, perhaps nothing.
  package func take(atMost limit: Int) -> [KafkaMessage] { reader.take(atMost: limit) }

  /// The offset after the last message of the partition that was taken.
  package func position(_ partition: Int32) -> Int64? { reader.position(partition) }

  /// Reads nothing more and forgets what nobody has taken, but stays in the group.
  package func pause() { reader.pause() }

  /// Goes on from `offsets`, and where there is none from what was taken last.
  package func resume(from offsets: [Int32: Int64] = [:]) { reader.resume(from: offsets) }

  /// The partition goes on from `offset`, also after a problem.
  package func seek(_ partition: Int32, to offset: Int64) { reader.seek(partition, to: offset) }

  /// Tells the group the next offset of each partition. Await the answer or leave it.
  @discardableResult
  package func commit(_ offsets: [Int32: Int64]) -> Completion<Void> { reader.commit(offsets) }

  /// What the group has been told; partitions without a commit are left out.
  package func committed(_ partitions: [Int32], deadline: Instant) async throws(KafkaError) -> [Int32: Int64]
  {
    try await reader.client.committed(partitions, deadline: deadline)
  }

  /// Leaves the group (until `deadline`) and ends the client.
  package func close(deadline: Instant) async { await reader.close(deadline: deadline) }
}
