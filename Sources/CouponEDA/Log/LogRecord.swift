package import CouponDomain
package import CouponStore

/// A message of the log as a reader sees it: decoded once, by whoever folds it or plans with it.
package enum LogRecord: Hashable, Sendable {
  case entry(LogEntry)
  /// A claim that this very process has sent: it came back byte for byte, so nothing can be said against it.
  case own(CouponClaim)
  /// A dead letter for every reader.
  case poison(reason: String)
  /// The reader must stop here.
  case unknown(reason: String)

  package init(decoding bytes: [UInt8]) {
    do {
      self = .entry(try LogCodec.decode(bytes))
    } catch {
      switch error {
      case .poison(let reason): self = .poison(reason: reason)
      case .unknown(let reason): self = .unknown(reason: reason)
      }
    }
  }
}

extension LogLedger {
  /// Takes the next message of a partition in.
  package mutating func apply(_ record: LogRecord, partition: Int) -> LogOutcome {
    switch record {
    case .entry(let entry): apply(entry, partition: Int32(partition))
    case .own(let claim): apply(sound: claim)
    case .poison(let reason): .deadLetter(reason: reason)
    case .unknown(let reason): .stop(reason: reason)
    }
  }
}
