import Kafka
import TestSupport
import Testing

/// The machine alone: no broker, no library, no loop.
@Suite("What a member of a group decides", .limited)
struct GroupReaderTests {
  private static func message(_ partition: Int32, _ offset: Int64, bytes: Int = 1) -> KafkaMessage {
    KafkaMessage(
      partition: partition, offset: offset, timestamp: -1, key: [], value: [UInt8](repeating: 1, count: bytes)
    )
  }

  private static func reader(messages: Int = 100, bytes: Int = 10_000) -> GroupReader {
    GroupReader(GroupReader.Limits(messages: messages, bytes: bytes))
  }

  /// A member that reads these partitions from these offsets.
  private static func reading(
    _ starts: [Int32: Int64], messages: Int = 100, bytes: Int = 10_000
  ) -> GroupReader {
    var reader = reader(messages: messages, bytes: bytes)
    reader.join()
    _ = reader.assigned(starts.keys.sorted())
    _ = reader.assign(from: starts)
    return reader
  }

  /// The library brings messages; what was to be done about them.
  @discardableResult
  private static func bring(
    _ partition: Int32, _ offsets: some Sequence<Int64>, bytes: Int = 1, to reader: inout GroupReader
  ) -> [GroupReader.Action] {
    var actions: [GroupReader.Action] = []
    for offset in offsets {
      actions += reader.arrived(partition, offset) { message(partition, offset, bytes: bytes) }
    }
    return actions
  }

  private static func take(_ limit: Int = .max, from reader: inout GroupReader) -> [[Int64]] {
    reader.take(atMost: limit).messages.map { [Int64($0.partition), $0.offset] }
  }

  // MARK: - Assignment

  @Test("tells its owner of an assignment and reads nothing before the owner says from where")
  func assignment() {
    var reader = Self.reader()
    reader.join()
    #expect(reader.assigned([2, 0]) == [.rebalanced(.assigned([0, 2]))])
    #expect(reader.partitions == [0, 2])
    Self.bring(0, 0..<3, to: &reader)
    #expect(reader.mustWait)
    #expect(reader.assign(from: [0: 5, 2: 0, 7: 1]) == [.assign([0: 5, 2: 0])])
    Self.bring(0, 5..<7, to: &reader)
    Self.bring(7, 1..<2, to: &reader)
    #expect(reader.turned() == [.wake])
    // What has only arrived does not count: a pause reads it again.
    #expect(reader.position(0) == 5)
    #expect(Self.take(from: &reader) == [[0, 5], [0, 6]])
    #expect(reader.turned().isEmpty)
    #expect(reader.position(0) == 7 && reader.position(2) == 0 && reader.position(7) == nil)
  }

  @Test("assigns nothing before the group has given it anything, and an empty share all the same")
  func emptyAssignment() {
    var reader = Self.reader()
    #expect(reader.assign(from: [0: 0]).isEmpty)
    reader.join()
    #expect(reader.assign(from: [0: 0]).isEmpty)
    _ = reader.assigned([])
    #expect(reader.assign(from: [:]) == [.assign([:])])
  }

  @Test("ignores an answer to an assignment that is gone")
  func lateAnswer() {
    var reader = Self.reader()
    reader.join()
    _ = reader.assigned([0])
    _ = reader.revoked(isLost: false)
    #expect(reader.assign(from: [0: 4]).isEmpty)
    _ = reader.assigned([1])
    #expect(reader.assign(from: [0: 4]) == [.assign([:])])
    #expect(Self.bring(0, 4..<6, to: &reader).isEmpty && reader.mustWait)
  }

  // MARK: - Revocation

  @Test("gives a revoked partition up with everything held of it", arguments: [true, false])
  func revocation(isLost: Bool) {
    var reader = Self.reading([0: 0, 1: 0])
    Self.bring(0, 0..<5, to: &reader)
    #expect(Self.take(2, from: &reader) == [[0, 0], [0, 1]])
    #expect(
      reader.revoked(isLost: isLost) == [.rebalanced(.revoked([0, 1], lost: isLost)), .unassign])
    #expect(reader.partitions.isEmpty && reader.mustWait)
    #expect(reader.position(0) == nil)
    // On their way when it happened.
    Self.bring(0, 5..<9, to: &reader)
    #expect(reader.mustWait && Self.take(from: &reader).isEmpty)
  }

  @Test("commits nothing of a partition that is not its own any more")
  func commits() {
    var reader = Self.reader()
    #expect(reader.committable([0: 1]) == nil)
    reader.join()
    #expect(reader.committable([0: 1]) == nil)
    _ = reader.assigned([0, 1])
    _ = reader.assign(from: [0: 0, 1: 0])
    #expect(reader.committable([0: 3, 1: 4]) == [0: 3, 1: 4])
    #expect(reader.committable([:]) == nil)
    _ = reader.revoked(isLost: true)
    #expect(reader.committable([0: 3]) == nil)
    _ = reader.assigned([1])
    #expect(reader.committable([0: 3, 1: 4]) == [1: 4])
    #expect(reader.committable([0: 3]) == nil)
  }

  @Test("goes on from the new offset when a partition comes back, whatever is still on its way")
  func rebalanceInFlight() {
    var reader = Self.reading([0: 0, 1: 10])
    Self.bring(0, 0..<4, to: &reader)
    Self.bring(1, 10..<12, to: &reader)
    _ = reader.revoked(isLost: false)
    _ = reader.assigned([1])
    // Of the time before, also of the partition that has come back.
    Self.bring(0, 4..<6, to: &reader)
    Self.bring(1, 12..<14, to: &reader)
    #expect(reader.assign(from: [1: 11]) == [.assign([1: 11])])
    #expect(Self.bring(1, 11..<13, to: &reader).isEmpty)
    #expect(Self.take(from: &reader) == [[1, 11], [1, 12]])
  }

  @Test("takes a full member's room back with its partitions")
  func revocationOfTheFull() {
    var reader = Self.reading([0: 0], messages: 4)
    #expect(Self.bring(0, 0..<4, to: &reader) == [.hold])
    #expect(reader.revoked(isLost: false).last == .release)
  }

  // MARK: - Order and bounds

  @Test("hands each offset over once, in order, and stops at a gap")
  func gap() {
    var reader = Self.reading([0: 0, 1: 0])
    Self.bring(0, [0, 1, 0, 1, 2], to: &reader)
    let gap = KafkaProblem.gap(partition: 0, expected: 3, found: 5)
    #expect(Self.bring(0, [5, 6, 3], to: &reader) == [.report(gap)])
    Self.bring(1, 0..<1, to: &reader)
    #expect(Self.take(from: &reader) == [[0, 0], [0, 1], [0, 2], [1, 0]])
    #expect(reader.seek(0, to: 5) == [.seek(0, to: 5)])
    Self.bring(0, 5..<6, to: &reader)
    #expect(Self.take(from: &reader) == [[0, 5]])
  }

  @Test("takes an end behind the next offset for a gap, once")
  func endBehind() {
    var reader = Self.reading([0: 3])
    #expect(reader.ended(0, at: 3).isEmpty)
    #expect(reader.ended(1, at: 9).isEmpty)
    #expect(reader.ended(0, at: 5) == [.report(.gap(partition: 0, expected: 3, found: 5))])
    #expect(reader.ended(0, at: 5).isEmpty)
  }

  @Test("holds as many messages or bytes as it may, and takes more at half of that")
  func bounds() {
    var reader = Self.reading([0: 0], messages: 4)
    #expect(Self.bring(0, 0..<3, to: &reader).isEmpty)
    #expect(Self.bring(0, 3..<6, to: &reader) == [.hold])
    #expect(reader.take(atMost: 3).actions.isEmpty)
    #expect(reader.take(atMost: 1).actions == [.release])
    #expect(reader.take(atMost: 1).actions.isEmpty)

    var heavy = Self.reading([0: 0], bytes: 100)
    #expect(Self.bring(0, 0..<2, bytes: 50, to: &heavy) == [.hold])
    #expect(heavy.take(atMost: 1).actions == [.release])
  }

  @Test("gives as many bytes as its owner takes, and at least one message")
  func bytesOfABite() {
    var reader = Self.reading([0: 0])
    Self.bring(0, 0..<1, bytes: 90, to: &reader)
    Self.bring(0, 1..<4, bytes: 20, to: &reader)
    func take(_ bytes: Int) -> [Int64] { reader.take(atMost: 10, bytes: bytes).messages.map(\.offset) }
    #expect(take(50) == [0])
    #expect(take(50) == [1, 2])
    #expect(take(0) == [3])
    #expect(reader.position(0) == 4)
  }

  @Test("copies only what it holds")
  func copies() {
    var reader = Self.reading([0: 1])
    var copies = 0
    for (partition, offset): (Int32, Int64) in [(0, 0), (3, 0), (0, 1), (0, 7), (0, 2)] {
      _ = reader.arrived(partition, offset) {
        copies += 1
        return Self.message(partition, offset)
      }
    }
    #expect(copies == 1)
  }

  // MARK: - Seek, pause, errors

  @Test("forgets what is held of the partition that it seeks in, and of no other")
  func seek() {
    var reader = Self.reading([0: 0, 1: 0])
    Self.bring(0, 0..<3, to: &reader)
    Self.bring(1, 0..<2, to: &reader)
    #expect(reader.seek(0, to: 1) == [.seek(0, to: 1)])
    #expect(reader.position(0) == 1)
    Self.bring(0, 1..<2, to: &reader)
    #expect(Self.take(from: &reader) == [[1, 0], [1, 1], [0, 1]])
    #expect(reader.seek(9, to: 1).isEmpty)
  }

  @Test("reads nothing while it is paused, and again what was not taken")
  func pause() {
    var reader = Self.reading([0: 0, 1: 5], messages: 4)
    #expect(Self.bring(0, 0..<4, to: &reader) == [.hold])
    #expect(Self.take(1, from: &reader) == [[0, 0]])
    #expect(reader.pause() == [.pause([0, 1]), .release])
    #expect(reader.pause().isEmpty)
    #expect(Self.bring(0, 4..<6, to: &reader).isEmpty)
    #expect(reader.ended(0, at: 9).isEmpty)
    #expect(reader.mustWait)
    #expect(reader.resume() == [.seek(0, to: 1), .seek(1, to: 5), .resume([0, 1])])
    #expect(reader.resume().isEmpty)
    Self.bring(0, 1..<3, to: &reader)
    #expect(Self.take(from: &reader) == [[0, 1], [0, 2]])
  }

  @Test("stays paused over a rebalance")
  func pausedRebalance() {
    var reader = Self.reading([0: 0])
    _ = reader.pause()
    _ = reader.revoked(isLost: false)
    _ = reader.assigned([1])
    #expect(reader.assign(from: [1: 3]) == [.assign([1: 3]), .pause([1])])
    #expect(reader.resume() == [.seek(1, to: 3), .resume([1])])
  }

  @Test("leaves nothing paused in the library that is not its own any more")
  func pausedWhileRevoked() {
    var reader = Self.reading([0: 0, 1: 0])
    _ = reader.pause()
    #expect(
      reader.revoked(isLost: true) == [
        .rebalanced(.revoked([0, 1], lost: true)), .resume([0, 1]), .unassign,
      ])
    #expect(reader.resume() == [.resume([])])
    _ = reader.assigned([0])
    #expect(reader.assign(from: [0: 0]) == [.assign([0: 0])])
  }

  @Test("starts a partition that the library has given up anew, and the others where they are")
  func reset() {
    var reader = Self.reading([0: 9, 1: 0])
    Self.bring(1, 0..<3, to: &reader)
    #expect(Self.take(1, from: &reader) == [[1, 0]])
    let reset = KafkaProblem.reset(partition: 0, reason: "out of range")
    #expect(reader.failed(reset) == [.report(reset)])
    #expect(reader.failed(reset).isEmpty)
    #expect(Self.bring(0, 9..<10, to: &reader).isEmpty)
    #expect(reader.seek(0, to: 4) == [.assign([0: 4, 1: 3])])
    // What the other holds is still to be taken; a pause would read it again.
    #expect(reader.position(1) == 1)
    _ = reader.pause()
    #expect(reader.resume() == [.seek(0, to: 4), .seek(1, to: 1), .resume([0, 1])])
    #expect(reader.seek(0, to: 5) == [.seek(0, to: 5)])
  }

  @Test("resumes with one new assignment where the library has given a partition up")
  func resumeAfterReset() {
    var reader = Self.reading([0: 9, 1: 0])
    _ = reader.failed(.reset(partition: 0, reason: ""))
    _ = reader.pause()
    #expect(reader.resume() == [.assign([0: 9, 1: 0]), .resume([0, 1])])
  }

  @Test("passes on what is no partition's, and nothing of a partition that is another's")
  func errors() {
    var reader = Self.reading([0: 0])
    for problem in [KafkaProblem.unreachable("away"), .missing("topic"), .refused("rights")] {
      #expect(reader.failed(problem) == [.report(problem)])
    }
    #expect(reader.failed(.reset(partition: 5, reason: "")).isEmpty)
    Self.bring(0, 0..<1, to: &reader)
    #expect(Self.take(from: &reader) == [[0, 0]])
  }

  // MARK: - The end

  enum State: CaseIterable {
    case outside
    case joined
    case given
    case reading
    case full
    case paused
    case revoked
  }

  @Test("leaves from every state, once, and does nothing afterwards", arguments: State.allCases)
  func close(state: State) {
    var reader = Self.reading([0: 0], messages: 2)
    switch state {
    case .outside: reader = Self.reader()
    case .joined:
      reader = Self.reader()
      reader.join()
    case .given:
      reader = Self.reader()
      reader.join()
      _ = reader.assigned([0])
    case .reading: Self.bring(0, 0..<1, to: &reader)
    case .full: Self.bring(0, 0..<2, to: &reader)
    case .paused: _ = reader.pause()
    case .revoked: _ = reader.revoked(isLost: true)
    }
    let room: [GroupReader.Action] = state == .full ? [.release] : []
    let goodbye: [GroupReader.Action] = state == .outside ? [] : [.leave]
    #expect(reader.close() == [.wake] + room + goodbye)
    #expect(reader.close().isEmpty)
    #expect(reader.isClosed && !reader.mustWait)
    reader.join()
    Self.bring(0, 0..<5, to: &reader)
    #expect(Self.take(from: &reader).isEmpty)
    #expect(reader.assign(from: [0: 0]).isEmpty && reader.seek(0, to: 0).isEmpty)
    #expect(reader.pause().isEmpty && reader.resume().isEmpty)
    #expect(reader.committable([0: 1]) == nil)
    #expect(reader.assigned([0]) == [.unassign])
    let owned: [Int32] = [.outside, .joined, .revoked].contains(state) ? [] : [0]
    #expect(reader.revoked(isLost: false) == [.rebalanced(.revoked(owned, lost: false)), .unassign])
  }
}
