package import EventLoop

/// Which messages lie before the ends that a topic had at one moment, and which of those are missing. Pure.
package struct TopicEnds {
  private let ends: [Int64]
  private var partitionsLeft: Int

  /// - Parameter ends: the high watermarks of the partitions 0, 1 …
  package init(_ ends: [Int64]) {
    self.ends = ends
    partitionsLeft = ends.count { $0 > 0 }
  }

  package var areReached: Bool { partitionsLeft == 0 }

  /// The messages that lie before the ends, of a bite that goes on where the last one stopped.
  package mutating func keep(_ bite: [KafkaMessage]) -> [KafkaMessage] {
    bite.filter { message in
      let end = ends[Int(message.partition)]
      if message.offset == end - 1 { partitionsLeft -= 1 }
      return message.offset < end
    }
  }
}

/// Reads a whole topic, from each partition's first message to where it ended when the reading began.
@LoopActor
package final class TopicReading {
  /// Why a topic was not read to its end.
  package enum Failure: Error, Hashable, Sendable {
    /// The deadline passed first.
    case late
    /// A gap, or a beginning that is gone.
    case damaged(KafkaProblem)
    case noTopic
  }

  private var ends: TopicEnds
  private let onMessages: @LoopActor ([KafkaMessage]) throws -> Void
  private let done = Completion<Void>()

  /// - Parameters:
  ///   - valueLimit: bytes of a value that are copied at most; a partition's first message is copied whole.
  ///   - onMessages: takes at most `KafkaTail.bite` messages at once, in offset order within a partition. What it throws
  ///     ends the reading and is thrown on.
  /// - Throws: `Failure`, `KafkaError`.
  package static func read(
    _ topic: String, at configuration: KafkaConfiguration, valueLimit: Int = .max, deadline: Instant,
    onMessages: @escaping @LoopActor ([KafkaMessage]) throws -> Void
  ) async throws {
    let (ends, isMock) = try await ends(of: topic, at: configuration, deadline: deadline)
    let reading = TopicReading(ends, onMessages)
    guard !reading.ends.areReached else { return }
    var options = isMock ? .forMockBroker : KafkaTail.Options()
    options.valueLimit = valueLimit
    let tail = KafkaTail(
      configuration: configuration, topic: topic, from: Array(repeating: 0, count: ends.count),
      options: options, onMessages: { reading.take($0) }, onProblem: { reading.take($0) })
    try tail.start()
    defer { EventLoop.shared.spawn { await tail.close() } }
    do {
      try await reading.done.value(deadline: deadline)
    } catch is DeadlineExceeded {
      throw Failure.late
    }
  }

  private static func ends(
    of topic: String, at configuration: KafkaConfiguration, deadline: Instant
  ) async throws -> (ends: [Int64], isMock: Bool) {
    let admin = try KafkaAdmin(configuration: configuration)
    defer { EventLoop.shared.spawn { await admin.close() } }
    let cluster = try await admin.describe(topic, deadline: deadline)
    guard let partitions = cluster.topic?.partitions else { throw Failure.noTopic }
    let marks = try await admin.watermarks(of: topic, partitions: partitions, patience: deadline - .now)
    return (marks.map(\.high), cluster.isMock)
  }

  private init(_ ends: [Int64], _ onMessages: @escaping @LoopActor ([KafkaMessage]) throws -> Void) {
    (self.ends, self.onMessages) = (TopicEnds(ends), onMessages)
  }

  private func take(_ bite: [KafkaMessage]) {
    guard !done.isDone else { return }
    do {
      let messages = ends.keep(bite)
      if !messages.isEmpty { try onMessages(messages) }
      if ends.areReached { done.succeed(()) }
    } catch {
      done.fail(error)
    }
  }

  private func take(_ problem: KafkaProblem) {
    switch problem {
    case .gap, .reset: done.fail(Failure.damaged(problem))
    case .missing, .unreachable, .refused: break  // The library tries again until the deadline.
    }
  }
}
