import CouponLog

/// One deciding thing done otherwise, on purpose: the checker must see each of them.
package enum Mutant: String, CaseIterable, Sendable {
  // Where Redis decides, as the product's other strategies do it.
  case redisDecidesRemovingOnAnyError, redisDecidesRemovingOnNotPersisted, redisDecidesWithoutRollback
  // What a request is told.
  case createdByGate, soldOutByCount, timeoutIsSoldOut, troubleIsSoldOut, unknownIsUnavailable,
    retryIsCreated,
    lostAnswer, soldOutIsCreated
  // What Redis is asked, and what it is taken to have said.
  case countTooHigh, removalForgotten, noReconciliation, reconcilerAddsNobody, reconcilerRemovesNobody,
    reconcilerSeesNobody
  // What is sent to the log, and what is said of it.
  case messageForgotten, wrongPartition, sentIsRefused, publishedAfterRefusal, untrueNotPersisted, anotherDay
  // How the log is read.
  case messageSkipped, messageTwice, messagesSwapped, neverReady
  // Deadlines.
  case deadlineLate, deadlineStands
  // The worker's fold.
  case foldByDay, foldReversed, foldWithoutLast, writtenCounterTooHigh, deadLetterIsSkipped
  // The worker's transaction.
  case couponsForgotten, countersForgotten, counterTooHigh, counterTooLow, lockForgotten, offsetForgotten,
    offsetTooFar, unknownIsDone, deadLetterForgotten
  // Batches of several partitions at once.
  case othersOffset
  // What was folded ahead.
  case followingIsCommitted, duplicateIsSkipped, aheadIsKept
  // Where the worker reads on.
  case seekForgotten, policiesKept, lookForgotten, automaticOffsets

  /// Whether the protocol is made for it: what Redis holds too much or too little costs superfluous events and waiting,
  /// never a wrong answer. Such a mutant must *not* be seen.
  package var isTolerated: Bool { self == .removalForgotten || self == .reconcilerAddsNobody }

  /// The weather in which it can show; nil where any does.
  package var climate: Climate? {
    switch self {
    case .foldByDay: .midnight
    case .policiesKept, .lookForgotten: .databaseBack
    case .lockForgotten, .othersOffset: .bothPartitions
    default: nil
    }
  }

  /// The strategy that the programs run under it; nil for the product's own.
  var strategy: EDAStrategy? {
    switch self {
    case .redisDecidesRemovingOnAnyError: .redis(.transaction, .anyError)
    case .redisDecidesRemovingOnNotPersisted: .redis(.transaction, .notPersisted)
    case .redisDecidesWithoutRollback: .redis(.transaction, .none)
    default: nil
    }
  }
}
