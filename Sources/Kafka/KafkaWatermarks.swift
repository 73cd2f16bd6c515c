/// The first offset that a partition still has, and the one that its next message will get.
package struct KafkaWatermarks: Hashable, Sendable {
  package let low: Int64
  package let high: Int64

  package init(low: Int64, high: Int64) { (self.low, self.high) = (low, high) }
}

/// What a partition shows of itself at one moment.
package struct KafkaPartitionLook: Hashable, Sendable {
  package let marks: KafkaWatermarks
  /// The first message that it still has; nil where it is empty.
  package let first: KafkaMessage?

  package init(marks: KafkaWatermarks, first: KafkaMessage?) { (self.marks, self.first) = (marks, first) }
}

extension [KafkaWatermarks] {
  /// Of the partitions 0, 1 …: how many messages a reader has not read whose next offsets are these (0 where it has none).
  package func lag(behind next: [Int32: Int64]) -> Int64 {
    enumerated().reduce(0) { $0 + Swift.max(0, $1.element.high - (next[Int32($1.offset)] ?? 0)) }
  }
}
