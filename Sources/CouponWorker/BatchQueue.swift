/// The batches that were read and decoded and that no transaction has begun with. Pure: what is dropped and what has room is
/// decided here, and `LogWorker` reads and writes.
///
///     reader ── append ─▶ │ next │ following │ ── take ─▶ writer
///                         drop: the partition is read anew from elsewhere, or is another's
///
/// A reader that was in the middle of decoding when its partition was dropped brings an older `turn` than the partition has:
/// what it brings is not taken.
package struct BatchQueue {
  /// Batches that wait at most, before the reader takes more of the log: one is folded while another is in its
  /// transaction, and the one after it is decoded meanwhile.
  package static let depth = 2

  private var batches: [ReadBatch] = []
  private var turns: [Int: Int] = [:]
  private var allTurns = 0

  package init() {}

  package var isEmpty: Bool { batches.isEmpty }
  package var hasRoom: Bool { batches.count < BatchQueue.depth }

  /// Changes whenever what was read of the partition before is not to be written any more.
  package func turn(of partition: Int) -> Int { allTurns + turns[partition, default: 0] }

  /// - Parameter turn: of its partition, when its messages were taken.
  package mutating func append(_ batch: ReadBatch, turn: Int) {
    if turn == self.turn(of: batch.batch.partition) { batches.append(batch) }
  }

  package mutating func take() -> ReadBatch? { batches.isEmpty ? nil : batches.removeFirst() }

  /// What is not written together with what was taken with it.
  ///
  /// - Parameter turn: of its partition, when it was taken.
  package mutating func putBack(_ batch: ReadBatch, turn: Int) {
    if turn == self.turn(of: batch.batch.partition) { batches.insert(batch, at: 0) }
  }

  /// The next batch, if it goes on where `batch` ends.
  package func following(_ batch: ReadBatch) -> ReadBatch? {
    batches.first.flatMap { batch.isFollowed(by: $0) ? $0 : nil }
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
