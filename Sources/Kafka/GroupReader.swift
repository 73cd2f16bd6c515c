internal import EventLoop

/// What a member of a group knows, and what follows from each thing that happens. Pure: inputs change the state and
/// return actions; `KafkaGroupConsumer` carries them out.
///
///     outside ──join──▶ without partitions ──assigned──▶ given ──assign──▶ reading ◀──pause, resume──▶ paused
///                               ▲                          │                  │                          │
///                               └───────── revoked ────────┴──────────────────┴──────────────────────────┘
///     any state ──close──▶ closed
///
/// A message becomes the owner's in two steps: `arrived` holds it, if its offset is the next one of a partition that is
/// ours, and `take` hands it over. What is held is dropped by `pause`, by `seek` and with its partition; what has been
/// taken of a revoked partition cannot be committed any more.
package struct GroupReader {
  package enum Action: Hashable, Sendable {
    // To the library.
    case assign([Int32: Int64])
    case unassign
    case seek(Int32, to: Int64)
    case pause(Set<Int32>)
    case resume(Set<Int32>)
    case leave
    // To the queue of events: as much is held as may be, and there is room again.
    case hold
    case release
    // To the owner.
    case rebalanced(KafkaRebalance)
    case report(KafkaProblem)
    /// Wakes the caller that waits for messages.
    case wake
  }

  /// Messages held for the owner, and their bytes; beyond either nothing more is taken from the library.
  package struct Limits: Hashable, Sendable {
    package let messages: Int
    package let bytes: Int

    package init(messages: Int, bytes: Int) { (self.messages, self.bytes) = (messages, bytes) }
  }

  private enum Membership {
    case outside
    case joined
    case closed
  }

  private let limits: Limits
  private var membership = Membership.outside
  /// What the group has given us; nil before the first assignment and after a revocation.
  private var given: Set<Int32>?
  private var order = OffsetOrder()
  /// Partitions that the library itself has stopped reading; a seek alone does not start them again.
  private var halted: Set<Int32> = []
  private var held = Deque<KafkaMessage>()
  private var heldBytes = 0
  /// The offset after the last message that the owner has taken.
  private var taken: [Int32: Int64] = [:]
  private var isPaused = false
  private var isHolding = false

  package init(_ limits: Limits) { self.limits = limits }

  package var partitions: Set<Int32> { given ?? [] }
  package var isClosed: Bool { membership == .closed }
  /// Whether a caller that asks for messages has to wait.
  package var mustWait: Bool { held.isEmpty && !isClosed }

  /// The offset after the last message of the partition that was taken.
  package func position(_ partition: Int32) -> Int64? { taken[partition] }

  // MARK: - What the owner wants

  package mutating func join() {
    if membership == .outside { membership = .joined }
  }

  /// Starts to read, from these offsets, those of the partitions that are still ours.
  package mutating func assign(from offsets: [Int32: Int64]) -> [Action] {
    guard membership == .joined, let given else { return [] }
    let ours = offsets.filter { given.contains($0.key) }
    forget { ours[$0] != nil }
    for (partition, offset) in ours { set(partition, to: offset) }
    return restart(ours) + released()
  }

  /// - Parameter bytes: of keys and values; the first message comes whatever it has.
  package mutating func take(
    atMost limit: Int, bytes: Int = .max
  ) -> (messages: [KafkaMessage], actions: [Action]) {
    var bite: [KafkaMessage] = []
    bite.reserveCapacity(min(limit, held.count))
    var room = bytes
    while bite.count < limit, let size = held.first?.size, bite.isEmpty || size <= room,
      let message = held.popFirst()
    {
      bite.append(message)
      room -= message.size
      heldBytes -= message.size
      taken[message.partition] = message.offset + 1
    }
    return (bite, released())
  }

  /// The partition goes on from `offset`, also after a problem.
  package mutating func seek(_ partition: Int32, to offset: Int64) -> [Action] {
    guard membership == .joined, order.position(partition) != nil else { return [] }
    forget { $0 == partition }
    set(partition, to: offset)
    let actions = halted.isEmpty ? [.seek(partition, to: offset)] : restart(order.positions)
    return actions + released()
  }

  package mutating func pause() -> [Action] {
    guard !isPaused, !isClosed else { return [] }
    isPaused = true
    forget { _ in true }
    return [.pause(Set(order.positions.keys))] + released()
  }

  /// Goes on behind what was taken last.
  package mutating func resume() -> [Action] {
    guard isPaused, !isClosed else { return [] }
    isPaused = false
    let reading = order.positions.keys.sorted()
    let starts = reading.map { ($0, taken[$0] ?? 0) }
    for (partition, offset) in starts { order.set(partition, to: offset) }
    let actions = halted.isEmpty ? starts.map { .seek($0, to: $1) } : restart(order.positions)
    return actions + [.resume(Set(reading))]
  }

  /// Which of these offsets may be told to the group; nil where none may.
  package func committable(_ offsets: [Int32: Int64]) -> [Int32: Int64]? {
    guard membership == .joined, let given else { return nil }
    let ours = offsets.filter { given.contains($0.key) }
    return ours.isEmpty ? nil : ours
  }

  package mutating func close() -> [Action] {
    guard !isClosed else { return [] }
    let wasJoined = membership == .joined
    membership = .closed
    forget { _ in true }
    return [.wake] + released() + (wasJoined ? [.leave] : [])
  }

  // MARK: - What happens

  package mutating func assigned(_ partitions: [Int32]) -> [Action] {
    guard !isClosed else { return [.unassign] }
    given = Set(partitions)
    return [.rebalanced(.assigned(partitions.sorted()))]
  }

  package mutating func revoked(isLost: Bool) -> [Action] {
    let gone = partitions
    given = nil
    forget { gone.contains($0) }
    for partition in gone {
      order.remove(partition)
      taken[partition] = nil
    }
    halted = []
    // In the library a pause outlives the assignment; `resume` names only what is ours then.
    let unpaused: [Action] = isPaused && !isClosed ? [.resume(gone)] : []
    return [.rebalanced(.revoked(gone.sorted(), lost: isLost))] + unpaused + [.unassign] + released()
  }

  /// - Parameter copy: called only for a message that is held.
  package mutating func arrived(
    _ partition: Int32, _ offset: Int64, _ copy: () -> KafkaMessage
  ) -> [Action] {
    guard membership == .joined, !isPaused else { return [] }
    switch order.accept(partition, offset) {
    case .stale, .stopped: return []
    case .gap(let expected): return [.report(.gap(partition: partition, expected: expected, found: offset))]
    case .next:
      let message = copy()
      held.append(message)
      heldBytes += message.size
      guard !isHolding, held.count >= limits.messages || heldBytes >= limits.bytes else { return [] }
      isHolding = true
      return [.hold]
    }
  }

  /// The library has read a partition to its end. An end behind the next offset is a gap: the log holds something there
  /// that is no message.
  package mutating func ended(_ partition: Int32, at offset: Int64) -> [Action] {
    guard !isPaused, let expected = order.position(partition), offset > expected, order.stop(partition) else {
      return []
    }
    return [.report(.gap(partition: partition, expected: expected, found: offset))]
  }

  package mutating func failed(_ problem: KafkaProblem) -> [Action] {
    guard case .reset(let partition, _) = problem else { return [.report(problem)] }
    guard order.position(partition) != nil else { return [] }
    halted.insert(partition)
    return order.stop(partition) ? [.report(problem)] : []
  }

  /// A turn of events is over: the owner hears of all that it brought at once.
  package func turned() -> [Action] { mustWait ? [] : [.wake] }

  // MARK: - Steps

  private mutating func set(_ partition: Int32, to offset: Int64) {
    order.set(partition, to: offset)
    taken[partition] = offset
  }

  /// A new assignment also starts partitions that the library has stopped reading.
  private mutating func restart(_ offsets: [Int32: Int64]) -> [Action] {
    halted = []
    return [.assign(offsets)] + (isPaused ? [.pause(Set(offsets.keys))] : [])
  }

  /// Drops what is held and nobody has taken.
  private mutating func forget(_ isDropped: (Int32) -> Bool) {
    var kept = Deque<KafkaMessage>()
    while let message = held.popFirst() {
      if isDropped(message.partition) { heldBytes -= message.size } else { kept.append(message) }
    }
    held = kept
  }

  private mutating func released() -> [Action] {
    guard isHolding, held.count <= limits.messages / 2, heldBytes <= limits.bytes / 2 else { return [] }
    isHolding = false
    return [.release]
  }
}

extension KafkaMessage {
  fileprivate var size: Int { key.count + value.count }
}
