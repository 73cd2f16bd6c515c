internal import CouponDomain
internal import EventLoop
internal import Text

/// Names a waiting request; the program keeps what it has to wake under this number.
package typealias CallerID = UInt64

/// Names one publishing of one attempt: what a delivery report is matched by.
package struct PublishTicket: Hashable, Sendable {
  package let number: UInt64
  package init(number: UInt64) { self.number = number }

  init(slot: Int, generation: UInt32) { number = UInt64(generation) << 32 | UInt64(slot) }
  var slot: Int { Int(number & 0xffff_ffff) }
  var generation: UInt32 { UInt32(number >> 32) }
}

/// What this process does for one person on one day, for however many requests.
///
///     SADD 1, room ──▶ published ──▶ own event read, person or full list seen, delivery error, or too old
///     SADD 0 ────────▶ published
///     SADD 1, no room ▶ waiting for the list to fill ──▶ the same, or published by a later request that got room
struct Attempt {
  enum Stage {
    /// Redis had no room: other people's events will fill the list, or room comes back.
    case waitingForFullList
    /// A claim may be in the log. `maker` is the request that made it.
    case published(eventID: EventID, maker: CallerID)
  }

  struct Caller {
    let id: CallerID
    let deadline: Instant
  }

  let policyID: PolicyID
  let day: Day
  let userID: UserID
  /// Where the table keeps this day.
  let dayIndex: Int
  var stage: Stage
  /// A SADD of this attempt was 1, so it is this attempt's to take back.
  var isOwnMember: Bool
  /// After this no request joins: what was published has been reported by then.
  var joinableUntil: Instant
  var callers: Few<Caller>
  /// Grows with each publishing and each reuse of the slot, so that an old report finds nothing.
  var generation: UInt32

  var isPublished: Bool {
    if case .published = stage { true } else { false }
  }
}
