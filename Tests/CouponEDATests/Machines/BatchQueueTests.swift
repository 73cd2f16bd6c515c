import CouponStore
import CouponWorker
import Kafka
import TestSupport
import Testing

@Suite(.limited) struct BatchQueueTests {
  private func batch(_ first: Int64, _ count: Int = 2, of partition: Int = 0) throws -> ReadBatch {
    let messages = (0..<count).map {
      KafkaMessage(
        partition: Int32(partition), offset: first + Int64($0), timestamp: 1, key: [], value: [UInt8($0)])
    }
    let records = messages.map {
      (offset: $0.offset, record: ReadEntry.failure(.poison(reason: "\($0.offset)")))
    }
    return ReadBatch(try #require(WorkerBatch(partition: partition, records)), messages)
  }

  @Test func itHasRoomForTwoAndGivesThemInOrder() throws {
    var queue = BatchQueue(writers: 2)
    #expect(queue.isEmpty && queue.hasRoom && queue.take() == nil)
    for first in [0, 2] as [Int64] { queue.append(try batch(first), turn: queue.turn(of: 0)) }
    #expect(!queue.hasRoom)
    #expect(queue.take()?.batch.first == 0)
    #expect(queue.hasRoom)
    queue.finish(0)
    #expect(queue.take()?.batch.first == 2)
  }

  /// Its batches are written in order; those of others meanwhile.
  @Test func aPartitionIsOneWritersAtATime() throws {
    var queue = BatchQueue(writers: 2)
    for (first, partition) in [(0, 0), (2, 0), (0, 1), (2, 1)] as [(Int64, Int)] {
      queue.append(try batch(first, of: partition), turn: 0)
    }
    let (taken, second) = (queue.take(), queue.take())
    let first = try #require(taken)
    #expect(first.batch.partition == 0 && first.batch.first == 0)
    let other = try #require(second)
    #expect(other.batch.partition == 1 && other.batch.first == 0)
    #expect(queue.take() == nil && queue.underWay == [0, 1])
    // What follows is looked for behind the others.
    #expect(queue.following(first)?.batch.first == 2 && queue.following(other)?.batch.partition == 1)
    // Dropped while it is written: what comes anew still waits for its end.
    queue.drop(1)
    queue.append(try batch(0, of: 1), turn: queue.turn(of: 1))
    #expect(queue.take() == nil)
    queue.finish(1)
    #expect(queue.take()?.batch.partition == 1)
    queue.finish(0)
    #expect(queue.take()?.batch.first == 2 && queue.isEmpty)
  }

  /// As many as are written at once have room, however many partitions there are.
  @Test func roomGrowsWithThePartitionsThatAreWrittenAtOnce() throws {
    var queue = BatchQueue(writers: 2)
    for partition in 0..<3 { queue.append(try batch(0, of: partition), turn: 0) }
    #expect(queue.hasRoom)
    queue.append(try batch(2), turn: 0)
    #expect(!queue.hasRoom)
    _ = queue.take()
    #expect(queue.hasRoom)
  }

  @Test func onlyWhatGoesOnWhereABatchEndsFollowsIt() throws {
    let first = try batch(0)
    for (other, follows) in [
      (try batch(2), true), (try batch(3), false), (try batch(0), false), (try batch(2, of: 1), false),
    ] {
      var queue = BatchQueue(writers: 2)
      queue.append(other, turn: 0)
      #expect((queue.following(first) != nil) == follows)
    }
  }

  /// A seek while the reader decodes: what it brings is of before.
  @Test func whatWasReadBeforeADropIsNotTaken() throws {
    var queue = BatchQueue(writers: 2)
    let (turn, other) = (queue.turn(of: 0), queue.turn(of: 1))
    queue.append(try batch(0), turn: turn)
    queue.drop(0)
    #expect(queue.isEmpty)
    queue.append(try batch(2), turn: turn)
    #expect(queue.isEmpty)
    queue.append(try batch(7, of: 1), turn: other)
    queue.append(try batch(0), turn: queue.turn(of: 0))
    #expect(queue.take()?.batch.partition == 1)
    queue.dropAll()
    queue.append(try batch(9, of: 1), turn: other)
    queue.putBack(try batch(1), turn: turn)
    #expect(queue.isEmpty)
  }

  @Test func aBatchThatIsTooLargeIsDivided() throws {
    let whole = try batch(4, 5)
    #expect(whole.split(after: 5) == nil && whole.split(after: 0) == nil)
    let (head, tail) = try #require(whole.split(after: 2))
    #expect(head.batch.first == 4 && head.messages.map(\.offset) == [4, 5])
    #expect(tail.batch.first == 6 && tail.messages.map(\.offset) == [6, 7, 8])
    #expect(tail.batch.records == Array(whole.batch.records[2...]))
    #expect(head.isFollowed(by: tail) && !tail.isFollowed(by: head))
    var queue = BatchQueue(writers: 2)
    queue.append(try batch(9), turn: 0)
    queue.putBack(tail, turn: 0)
    #expect(queue.following(head) === tail)
  }
}
