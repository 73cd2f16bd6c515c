import CouponLog
import EventLoop
import Kafka
import Operations
import TestSupport
import Testing

/// A topic that changes at the moments that a test chooses, and a reader of it.
@LoopActor
private final class WatchedLog: LogQuestions, VirtualTime {
  var now = Instant(nanoseconds: 1_000_000_000_000)
  var logs: [[KafkaMessage]]
  var silent: Set<Int32> = []
  /// What happens between a question, which finds the log as it is, and its answer.
  var meanwhile: @LoopActor () -> Void = {}
  var isDown = false
  var onOther: @LoopActor () -> Void = {}
  var next: [Int64] = [0, 0]
  private(set) var ends: [Int32: Int64] = [:]
  private(set) var other: [Int32: LogProblem] = [:]
  private(set) lazy var watch = LogWatch(
    topic: "log", questions: self, clock: LoopClock(self),
    trouble: TroubleLog(Log(program: "test", level: .error, output: LogOutput())),
    handlers: LogWatch.Handlers(
      next: { [unowned self] in next[Int($0)] },
      onEnd: { [unowned self] partition, end, _ in ends[partition] = end },
      onOther: { [unowned self] partition, problem in
        other[partition] = problem
        onOther()
      }))

  init(_ counts: [Int], made: Int64 = 1) {
    logs = counts.map { count in (0..<count).map { WatchedLog.message(Int64($0), made) } }
    watch.watch([0, 1])
    readAll()
  }

  static func message(_ offset: Int64, _ made: Int64) -> KafkaMessage {
    KafkaMessage(partition: 0, offset: offset, timestamp: made, key: [], value: [7])
  }

  func append(_ partition: Int) {
    logs[partition].append(WatchedLog.message(Int64(logs[partition].count), 1))
  }

  func readAll() {
    for (partition, log) in logs.enumerated() {
      if let first = log.first, next[partition] == 0 {
        watch.read(first: first.firstHash, of: Int32(partition))
      }
      next[partition] = Int64(log.count)
    }
  }

  func describe(_ topic: String, deadline: Instant) async throws(KafkaError) -> KafkaCluster {
    if isDown { throw .unavailable("nobody answers") }
    return KafkaCluster(brokers: 1, isMock: true, topic: nil)
  }

  func look(
    at topic: String, partitions: [Int32], deadline: Instant
  ) async throws(KafkaError) -> [Int32: KafkaPartitionLook] {
    let looks = partitions.filter { !silent.contains($0) }.map { partition in
      let log = logs[Int(partition)]
      return (
        partition,
        KafkaPartitionLook(marks: KafkaWatermarks(low: 0, high: Int64(log.count)), first: log.first)
      )
    }
    meanwhile()
    if looks.isEmpty { throw .unavailable("nobody answers") }
    return Dictionary(uniqueKeysWithValues: looks)
  }

  func close() async {}
  func add(_ timer: LoopTimer, at time: Instant) {}
}

@Suite("Whether a running reader's log is still the same", .limited)
struct LogWatchTests {
  /// The answer that finds an empty partition is under way while its first message is appended and read.
  @Test func aFirstMessageDuringTheQuestionMakesNoOtherLog() async throws {
    try await onLoop {
      let log = WatchedLog([0, 0])
      log.meanwhile = {
        log.append(1)
        log.readAll()
      }
      #expect(await log.watch.ask())
      #expect(log.other.isEmpty && log.ends == [0: 0, 1: 0])
      log.meanwhile = {}
      #expect(await log.watch.ask())
      #expect(log.other.isEmpty && log.ends == [0: 0, 1: 1])
    }
  }

  @Test func aTopicMadeAnewIsSeenThoughItHasGrownPastWhatWasRead() async throws {
    try await onLoop {
      let log = WatchedLog([2, 2])
      #expect(await log.watch.ask())
      log.logs[1] = (0..<5).map { WatchedLog.message($0, 2) }
      #expect(await log.watch.ask())
      #expect(log.other == [1: .madeAnew] && log.ends == [0: 2, 1: 2])
    }
  }

  /// A new leader learns the end a moment after it leads.
  @Test func anEarlierEndIsBelievedOnlyWhenItLasts() async throws {
    try await onLoop {
      let log = WatchedLog([2, 2])
      log.logs[0].removeLast()
      log.append(1)
      log.readAll()
      log.next[0] = 2
      #expect(await !log.watch.ask())
      #expect(log.ends == [1: 3], "the other partition is known all the same")
      log.append(0)
      log.now = log.now + LogDoubt.patience
      #expect(await log.watch.ask())
      log.logs[0].removeLast()
      #expect(await !log.watch.ask(), "a doubt that was settled does not count")
      log.now = log.now + LogDoubt.patience
      _ = await log.watch.ask()
      #expect(log.other == [0: .shorter(applied: 2, high: 1)])
    }
  }

  @Test func aSilentPartitionDoesNotHideTheOthers() async throws {
    try await onLoop {
      let log = WatchedLog([2, 3])
      log.silent = [0]
      #expect(await !log.watch.ask())
      #expect(log.ends == [1: 3] && log.other.isEmpty)
      log.silent = [0, 1]
      #expect(await !log.watch.ask())
      log.silent = []
      #expect(await log.watch.ask())
      #expect(log.ends == [0: 2, 1: 3])
    }
  }

  /// A new leader may not know yet that there is anything in a partition whose first message has been looked at.
  @Test func anEmptyAnswerIsDoubtedToo() async throws {
    try await onLoop {
      let log = WatchedLog([1, 1])
      log.watch.watch([0, 1], firstHashes: [0: WatchedLog.message(0, 1).firstHash])
      log.next = [0, 0]
      log.logs[0] = []
      #expect(await !log.watch.ask())
      #expect(log.other.isEmpty && log.ends == [1: 1])
    }
  }

  @Test func whoHearsOfAnotherLogMayStop() async throws {
    try await onLoop {
      let log = WatchedLog([2, 2])
      log.onOther = { log.watch.stop() }
      log.logs = log.logs.map { $0.map { WatchedLog.message($0.offset, 2) } }
      #expect(await !log.watch.ask())
      #expect(log.other == [0: .madeAnew])
      #expect(await !log.watch.ask())
    }
  }

  /// More workers than partitions.
  @Test func withoutPartitionsItIsAskedWhetherKafkaAnswers() async throws {
    try await onLoop {
      let log = WatchedLog([0, 0])
      log.watch.watch([])
      #expect(await log.watch.ask())
      log.isDown = true
      #expect(await !log.watch.ask())
    }
  }

  /// A worker's partitions were taken away and given back meanwhile.
  @Test func anAnswerToAnOlderQuestionIsNotBelieved() async throws {
    try await onLoop {
      let log = WatchedLog([2, 3])
      log.meanwhile = { log.watch.watch([0, 1]) }
      #expect(await !log.watch.ask())
      #expect(log.ends.isEmpty)
    }
  }
}
