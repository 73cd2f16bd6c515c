import Figures
import History
import Text
import Verify

/// One fault of a round as one architecture met it: when it was there for certain, and what says that it has bitten.
struct Blow {
  enum Count {
    /// Something counts it: a switch, messages, a death.
    case given(Int)
    /// Requests that failed or were far slower than before.
    case felt
    /// Coupons by which the database fell behind.
    case lag
  }

  var name: String
  var target: FaultRecord.Target
  var architecture: Architecture
  /// Whether the target could do nothing at all.
  var isOutage: Bool
  var from: Timestamp
  var to: Timestamp
  var count: Count
  /// The architecture gives coupons without the target: some must have been given meanwhile.
  var isSurvived = false
  /// When everything was as before, where that takes longer than to bring it back.
  var mended: Timestamp?
  /// What else is to be told of it.
  var remark = ""

  /// When it was over with all that followed from it.
  var end: Timestamp { max(to, mended ?? to) }

  var seconds: Double { Double(to.microseconds - from.microseconds) / 1_000_000 }

  /// - Parameter recorded: coupons in the database by seconds since the opening.
  func bites(_ histories: [History], recorded: [CountPoint], opening: Timestamp) -> Int {
    switch count {
    case .given(let number): number
    case .felt: FeltFault(histories, from: from, to: to).requests
    case .lag: FeltFault(histories, from: from, to: to).growthOfLag(recorded, opening: opening)
    }
  }

  func record(bites: Int) -> FaultRecord {
    FaultRecord(
      name: name, target: target, isOutage: isOutage, from: from, to: max(from, to), bites: bites)
  }
}
