package import CouponStore
package import Kafka

/// Consecutive messages of one partition, decoded.
///
///     messages ─▶ BatchNeeds ─▶ (load, under the lock of the partition's offset) ─▶ BatchResult: rows, next offset
package struct WorkerBatch {
  package let partition: Int
  package let first: Int64
  package let records: [ReadEntry]

  /// Takes the messages up to where their offsets stop following each other; nil where there are none.
  package init?(partition: Int, _ messages: some Sequence<(offset: Int64, record: ReadEntry)>) {
    var records: [ReadEntry] = []
    records.reserveCapacity(messages.underestimatedCount)
    var first: Int64?
    for (offset, record) in messages {
      let start = first ?? offset
      guard offset == start + Int64(records.count) else { break }
      first = start
      records.append(record)
    }
    guard let first else { return nil }
    (self.partition, self.first, self.records) = (partition, first, records)
  }

  /// The offset after its last message.
  package var end: Int64 { first + Int64(records.count) }
}

/// A batch with the messages that it was read from. An object, because what was folded ahead is of this one and no other.
package final class ReadBatch {
  package let batch: WorkerBatch
  package let messages: [KafkaMessage]

  /// - Parameter messages: those of the batch, as many.
  package init(_ batch: WorkerBatch, _ messages: [KafkaMessage]) {
    (self.batch, self.messages) = (batch, Array(messages.prefix(batch.records.count)))
  }

  /// Whether the other one goes on where this one ends.
  package func isFollowed(by other: ReadBatch) -> Bool {
    batch.partition == other.batch.partition && batch.end == other.batch.first
  }

  /// Its first messages and the others; nil where it has no more than `count`.
  package func split(after count: Int) -> (head: ReadBatch, tail: ReadBatch)? {
    guard count > 0, count < messages.count, let head = part(0..<count),
      let tail = part(count..<messages.count)
    else { return nil }
    return (head, tail)
  }

  private func part(_ range: Range<Int>) -> ReadBatch? {
    let records = range.map { (offset: batch.first + Int64($0), record: batch.records[$0]) }
    return WorkerBatch(partition: batch.partition, records).map { ReadBatch($0, Array(messages[range])) }
  }
}
