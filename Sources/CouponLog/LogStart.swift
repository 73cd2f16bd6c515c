package import CouponStore
package import EventLoop

/// Whether a partition is the log that was read before, from its very beginning.
package enum LogStart {
  /// What the broker shows of a partition.
  package struct Shown: Hashable, Sendable {
    package let low: Int64
    package let high: Int64
    /// Nil in an empty partition.
    package let firstHash: [UInt8]?

    package init(low: Int64, high: Int64, firstHash: [UInt8]?) {
      (self.low, self.high, self.firstHash) = (low, high, firstHash)
    }
  }

  /// Nil where it may be read; otherwise why it must not be.
  package static func problem(of shown: Shown, remembered: OffsetRow?) -> LogProblem? {
    guard shown.low == 0 else { return .beginningGone(low: shown.low) }
    guard let remembered else { return nil }
    if let known = remembered.firstHash, let first = shown.firstHash, known != first { return .madeAnew }
    guard remembered.nextOffset <= shown.high else {
      return .shorter(applied: remembered.nextOffset, high: shown.high)
    }
    return remembered.firstHash == shown.firstHash || remembered.firstHash == nil ? nil : .madeAnew
  }
}

/// Whether a running reader believes a problem. A new leader learns where the log ends a moment after it leads, so a log may
/// seem shorter for a while; that is final only when it lasts.
package struct LogDoubt {
  /// More than a replica may lag behind (`replica.lag.time.max.ms`, 30 s).
  package static let patience = Duration.seconds(60)

  private var since: Instant?

  package init() {}

  package mutating func isFinal(_ problem: LogProblem, now: Instant) -> Bool {
    guard case .shorter = problem else { return true }
    let begun = since ?? now
    since = begun
    return now - begun >= LogDoubt.patience
  }

  package mutating func isGone() { since = nil }
}

/// Why a reader stops: reading on would decide otherwise than the other readers.
package enum LogProblem: Error, Hashable, Sendable {
  case beginningGone(low: Int64)
  case shorter(applied: Int64, high: Int64)
  case madeAnew
  case partitions(expected: Int, found: Int)
  case gap(expected: Int64, found: Int64)
  case reset
  /// A version, a type or a key that this program does not know.
  case unknownEvent(offset: Int64, reason: String)

  /// One line for people.
  package var explanation: String {
    switch self {
    case .beginningGone(let low): "the log begins at offset \(low) instead of 0"
    case .shorter(let applied, let high):
      "the log ends at \(high), but \(applied) messages of it were applied"
    case .madeAnew: "the log is another one than the database knows; `lab rebuild --log` fills a new one"
    case .partitions(let expected, let found): "the topic has \(found) partitions instead of \(expected)"
    case .gap(let expected, let found): "offset \(found) follows where \(expected) was expected"
    case .reset: "the log's position is gone"
    case .unknownEvent(let offset, let reason): "the event at offset \(offset) cannot be read: \(reason)"
    }
  }
}

/// A log that must not be read: one line for the operator.
package struct StartRefusal: Error, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
}
