package import CouponStore

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
}
