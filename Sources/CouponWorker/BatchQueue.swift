/// The batches that were read and decoded and that no transaction has begun with. Pure: what is dropped, what has room and who
/// may write what is decided here, and `LogWorker` reads and writes.
///
///     reader ── append ─▶ │ 0: next, following │ 3: next │ ── take ─▶ a writer, until it has finished with the partition
///                         drop: the partition is read anew from elsewhere, or is another's
///
/// Batches of different partitions are written at once; a partition is one writer's at a time, so that its own are written in
/// their order.
///
/// A reader that was in the middle of decoding when its partition was dropped brings an older `turn` than the partition has:
/// what it brings is not taken.
package struct BatchQueue {
  /// Batches that wait at most for each partition that is written at once, before the reader takes more of the log: one is
  /// folded while another is in its transaction, and the one after it is decoded meanwhile.
  package static let depth = 2

  private let writers: Int
  private var batches: [ReadBatch] = []
  /// Partitions that a writer has a batch of.
  package private(set) var underWay: Set<Int> = []
  private var turns: [Int: Int] = [:]
  private var allTurns = 0

  /// - Parameter writers: how many partitions are written at once.
  package init(writers: Int) { self.writers = writers }

  package var isEmpty: Bool { batches.isEmpty }

  package var hasRoom: Bool {
    guard batches.count >= BatchQueue.depth else { return true }
    let partitions = underWay.union(batches.map(\.batch.partition)).count
    return batches.count < BatchQueue.depth * min(writers, partitions)
  }

  /// Changes whenever what was read of the partition before is not to be written any more.
  package func turn(of partition: Int) -> Int { allTurns + turns[partition, default: 0] }

  /// - Parameter turn: of its partition, when its messages were taken.
  package mutating func append(_ batch: ReadBatch, turn: Int) {
    if turn == self.turn(of: batch.batch.partition) { batches.append(batch) }
  }

  /// The oldest batch of a partition that nobody writes; the caller writes it from now on.
  package mutating func take() -> ReadBatch? {
    guard let index = batches.firstIndex(where: { !underWay.contains($0.batch.partition) }) else {
      return nil
    }
    underWay.insert(batches[index].batch.partition)
    return batches.remove(at: index)
  }

  /// Whoever wrote a batch of the partition is done with it.
  package mutating func finish(_ partition: Int) { underWay.remove(partition) }

  /// What is not written together with what was taken with it.
  ///
  /// - Parameter turn: of its partition, when it was taken.
  package mutating func putBack(_ batch: ReadBatch, turn: Int) {
    if turn == self.turn(of: batch.batch.partition) { batches.insert(batch, at: 0) }
  }

  /// The next batch of its partition, if it goes on where `batch` ends.
  package func following(_ batch: ReadBatch) -> ReadBatch? {
    batches.first { $0.batch.partition == batch.batch.partition }.flatMap {
      batch.isFollowed(by: $0) ? $0 : nil
    }
  }

  /// The partition is read from elsewhere.
  package mutating func drop(_ partition: Int) {
    turns[partition, default: 0] += 1
    batches.removeAll { $0.batch.partition == partition }
  }

  /// The partitions are given anew.
  package mutating func dropAll() {
    allTurns += 1
    batches = []
  }
}
