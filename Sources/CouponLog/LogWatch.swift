import CouponStore
package import EventLoop
package import Kafka
package import Operations

/// Questions about the topic that its readers do not answer.
@LoopActor
package protocol LogQuestions: AnyObject {
  func describe(_ topic: String, deadline: Instant) async throws(KafkaError) -> KafkaCluster
  /// Those partitions that answer before the deadline.
  ///
  /// - Throws: where none does.
  func look(
    at topic: String, partitions: [Int32], deadline: Instant
  ) async throws(KafkaError) -> [Int32: KafkaPartitionLook]
  func close() async
}

extension KafkaAdmin: LogQuestions {}

/// Asks again and again where the partitions that a program reads end, and whether they are still the ones that it has read
/// so far: a topic that was deleted and made anew may have grown past that.
///
/// A partition that is silent, for it has no leader, does not hide the others.
@LoopActor
package final class LogWatch {
  package struct Handlers {
    /// The next offset that has not been taken in yet.
    let next: @LoopActor (_ partition: Int32) -> Int64
    /// The broker has answered where a partition ends, which is no other than before.
    let onEnd: @LoopActor (_ partition: Int32, _ end: Int64, _ askedAt: Instant) -> Void
    /// What was read of a partition is not in it any more.
    let onOther: @LoopActor (_ partition: Int32, _ problem: LogProblem) -> Void

    package init(
      next: @escaping @LoopActor (_ partition: Int32) -> Int64,
      onEnd: @escaping @LoopActor (_ partition: Int32, _ end: Int64, _ askedAt: Instant) -> Void,
      onOther: @escaping @LoopActor (_ partition: Int32, _ problem: LogProblem) -> Void
    ) { (self.next, self.onEnd, self.onOther) = (next, onEnd, onOther) }
  }

  /// How often to ask.
  package static let interval = Duration.seconds(1)
  /// How long the partitions may take to answer.
  private static let patience = Duration.milliseconds(1_500)

  private let topic: String
  private let questions: any LogQuestions
  private let clock: LoopClock
  private let trouble: TroubleLog
  private let handlers: Handlers
  private var partitions: [Int32] = []
  private var isWatching = false
  /// Of each partition's first message; nil where it was empty.
  private var firstHashes: [Int32: [UInt8]] = [:]
  private var doubts: [Int32: LogDoubt] = [:]
  /// Grows when the partitions change, so that an answer to an older question is not believed.
  private var generation = 0

  package init(
    topic: String, questions: any LogQuestions, clock: LoopClock, trouble: TroubleLog, handlers: Handlers
  ) {
    (self.topic, self.questions, self.clock) = (topic, questions, clock)
    (self.trouble, self.handlers) = (trouble, handlers)
  }

  /// Watches these partitions, and no others; with none, whether Kafka answers.
  package func watch(_ partitions: [Int32], firstHashes: [Int32: [UInt8]] = [:]) {
    generation += 1
    (self.partitions, self.firstHashes, doubts) = (partitions.sorted(), firstHashes, [:])
    isWatching = true
  }

  package func stop() {
    watch([])
    isWatching = false
  }

  /// The first message of a partition has been read.
  package func read(first hash: [UInt8], of partition: Int32) { firstHashes[partition] = hash }

  /// Asks once.
  ///
  /// - Returns: whether Kafka has answered for all of the partitions.
  package func ask() async -> Bool {
    guard isWatching else { return false }
    let (generation, askedAt) = (generation, clock.now)
    // All that an answer is compared with was read before the question: a message that is appended and read meanwhile is
    // missing in an answer that is right.
    let read = partitions.map {
      OffsetRow(partition: $0, nextOffset: handlers.next($0), firstHash: firstHashes[$0])
    }
    do throws(KafkaError) {
      guard !read.isEmpty else {
        _ = try await questions.describe(topic, deadline: askedAt + LogWatch.patience)
        return generation == self.generation
      }
      let looks = try await questions.look(
        at: topic, partitions: partitions, deadline: askedAt + LogWatch.patience)
      guard generation == self.generation else { return false }
      return take(looks, read, askedAt)
    } catch {
      if generation == self.generation { trouble.note("Kafka does not answer", error.description) }
      return false
    }
  }

  private func take(_ looks: [Int32: KafkaPartitionLook], _ read: [OffsetRow], _ askedAt: Instant) -> Bool {
    let generation = generation
    var complaints: [String] = []
    for row in read {
      guard let look = looks[row.partition] else {
        complaints.append("partition \(row.partition): no answer in time")
        continue
      }
      if let problem = LogWatch.problem(of: look, read: row) {
        guard doubts[row.partition, default: LogDoubt()].isFinal(problem, now: clock.now) else {
          complaints.append("partition \(row.partition): \(problem.explanation)")
          continue
        }
        handlers.onOther(row.partition, problem)
        guard generation == self.generation else { return false }
        continue
      }
      doubts[row.partition] = nil
      // What was looked at and not read yet does not bind anybody.
      if firstHashes[row.partition] == nil, row.nextOffset > 0 {
        firstHashes[row.partition] = look.first?.firstHash
      }
      handlers.onEnd(row.partition, look.marks.high, askedAt)
    }
    guard !complaints.isEmpty else { return true }
    trouble.note("Kafka does not answer", complaints.joined(separator: "; "))
    return false
  }

  /// Why a partition is not the one any more that was read.
  private static func problem(of look: KafkaPartitionLook, read: OffsetRow) -> LogProblem? {
    // What was read stays right without its beginning; the next start is refused.
    guard look.marks.low == 0 else { return nil }
    // A new leader may not know yet that there is anything.
    if look.first == nil, read.firstHash != nil { return .shorter(applied: max(1, read.nextOffset), high: 0) }
    let shown = LogStart.Shown(low: 0, high: look.marks.high, firstHash: look.first?.firstHash)
    return LogStart.problem(of: shown, remembered: read)
  }
}

extension KafkaMessage {
  /// What tells this log from another, where the message is the first of its partition.
  package var firstHash: [UInt8] { LogTopic.firstHash(value: value, timestampMilliseconds: timestamp) }
}
