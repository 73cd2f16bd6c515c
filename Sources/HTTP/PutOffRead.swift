internal import EventLoop

/// A read that was put off to a later turn of the loop.
struct PutOffRead {
  /// When the bytes that wait were first seen.
  private(set) var since: Instant?
  /// How often the loop has reported them again. A report is cheap, once; stopping the watch and starting it again takes
  /// three system calls, which pay off only where the line is long.
  private var reports = 0
  private static let reportsAtMost = 3

  /// Whether the socket may still be watched for bytes.
  var isWatched: Bool { reports < Self.reportsAtMost }

  mutating func begin(at now: Instant) {
    precondition(since == nil, "a read is put off once")
    since = now
  }

  mutating func reportedAgain() {
    precondition(since != nil, "no read was put off")
    reports += 1
  }

  mutating func end() {
    since = nil
    reports = 0
  }
}
