package import EventLoop

/// Until when a reader is known to have read everything that the log held.
///
/// A tail that is cut off is silent like one of an idle log. So the broker is asked where the log ends: when all of that has
/// been read, the reader knew everything at the moment of the question.
package struct LogContact {
  /// A reader that was last sure longer ago than this does not say that something does not exist. A policy that was
  /// answered 201 elsewhere longer ago than this is never 404 here.
  package static let bound = Duration.seconds(3)

  private struct Question {
    let askedAt: Instant
    let end: Int64
  }

  private var latest: [Question?]
  /// When the reader last knew everything, by the questions before the latest.
  private var sure: [Instant?]

  package init(partitions: Int) {
    latest = Array(repeating: nil, count: partitions)
    sure = Array(repeating: nil, count: partitions)
  }

  /// The broker has answered where a partition ends.
  ///
  /// - Parameters:
  ///   - askedAt: when it was asked; the end is no older.
  ///   - next: the reader's next offset now.
  package mutating func saw(end: Int64, of partition: Int, askedAt: Instant, next: Int64) {
    if let before = latest[partition], next >= before.end { sure[partition] = before.askedAt }
    latest[partition] = Question(askedAt: askedAt, end: end)
  }

  /// - Parameter next: the reader's next offset now.
  package func isCurrent(_ partition: Int, next: Int64, now: Instant) -> Bool {
    if let question = latest[partition], next >= question.end {
      return now - question.askedAt <= LogContact.bound
    }
    return sure[partition].map { now - $0 <= LogContact.bound } ?? false
  }
}
