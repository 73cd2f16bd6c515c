package import CouponDomain
package import EventLoop

/// How long to wait between two looks at one set: a second, and twice as long after each one in which the winners could not be put
/// back. A Redis that refuses writes would otherwise be offered all of them every second.
package struct ReconciliationPace {
  package static let shortest = Duration.seconds(1)
  package static let longest = Duration.seconds(30)

  package private(set) var pause = shortest
  private var hasFailed = false

  package init() {}

  package mutating func failedToAdd() { hasFailed = true }

  /// A look is over, whether or not something failed in it.
  package mutating func looked() {
    pause = hasFailed ? min(pause * 2, Self.longest) : Self.shortest
    hasFailed = false
  }
}

/// The pace of each set: one on a node that refuses writes does not keep the others waiting.
package struct ReconciliationPaces {
  private struct Entry {
    var pace = ReconciliationPace()
    var due: Instant
  }

  /// Of the sets whose latest look failed.
  private var slow: [String: Entry] = [:]

  package init() {}

  package func isDue(_ key: String, now: Instant) -> Bool { slow[key].map { $0.due <= now } ?? true }

  package mutating func looked(at key: String, now: Instant, hasFailedToAdd: Bool) {
    guard hasFailedToAdd else {
      slow[key] = nil
      return
    }
    var entry = slow[key] ?? Entry(due: now)
    entry.pace.failedToAdd()
    entry.pace.looked()
    entry.due = now + entry.pace.pause
    slow[key] = entry
  }

  /// Forgets the other sets.
  package mutating func keep(_ keys: Set<String>) { slow = slow.filter { keys.contains($0.key) } }
}

/// Brings Redis' set of one policy and day back to what the list says; a wrong set costs superfluous events or
/// waiting, never a wrong coupon.
///
/// Looked at once an interval, by an API process that has read the log up to its end:
/// - fewer members than winners: Redis was emptied, restarted or is behind. All winners are added.
/// - no room although the list is not full: members who are still not winners after two looks, further apart than a
///   claim can be under way, only occupy slots. They are removed.
package struct Reconciliation {
  package enum Step: Hashable, Sendable {
    case nothing
    case addWinners
    case lookAtMembers
  }

  /// Longer than a request's deadline and the log's message timeout together.
  package let patience: Duration
  private var suspects: Set<UserID> = []
  private var lookedAt: Instant?

  package init(patience: Duration) { self.patience = patience }

  package func counted(members: Int, winners: Int, quota: Int) -> Step {
    if members < winners { return .addWinners }
    return members >= quota && winners < quota ? .lookAtMembers : .nothing
  }

  /// Takes a look at all members that was asked for at `askedAt` and complete at `seenAt`; returns the members to remove.
  package mutating func saw(
    members: [UserID], askedAt: Instant, seenAt: Instant, isWinner: (UserID) -> Bool
  ) -> [UserID] {
    let idle = members.filter { !isWinner($0) }
    guard let lookedAt else {
      (suspects, self.lookedAt) = (Set(idle), seenAt)
      return []
    }
    guard askedAt - lookedAt > patience else { return [] }
    let removed = idle.filter(suspects.contains)
    (suspects, self.lookedAt) = (Set(idle).subtracting(removed), seenAt)
    return removed
  }
}
