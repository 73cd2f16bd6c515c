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
    var queue = BatchQueue()
    #expect(queue.isEmpty && queue.hasRoom && queue.take() == nil)
    for first in [0, 2] as [Int64] { queue.append(try batch(first), turn: queue.turn(of: 0)) }
    #expect(!queue.hasRoom)
    #expect(queue.take()?.batch.first == 0)
    #expect(queue.hasRoom)
    #expect(queue.take()?.batch.first == 2)
  }

  @Test func onlyWhatGoesOnWhereABatchEndsFollowsIt() throws {
    let first = try batch(0)
    for (other, follows) in [
      (try batch(2), true), (try batch(3), false), (try batch(0), false), (try batch(2, of: 1), false),
    ] {
      var queue = BatchQueue()
      queue.append(other, turn: 0)
      #expect((queue.following(first) != nil) == follows)
    }
  }

  /// A seek while the reader decodes: what it brings is of before.
  @Test func whatWasReadBeforeADropIsNotTaken() throws {
    var queue = BatchQueue()
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
    var queue = BatchQueue()
    queue.append(try batch(9), turn: 0)
    queue.putBack(tail, turn: 0)
    #expect(queue.following(head) === tail)
  }
}
