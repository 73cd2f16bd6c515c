import CouponDomain
import Text
import History

/// What each person saw, over all histories.
struct People {
  struct Person {
    var coupons: [SeenCoupon] = []
    var asked = 0
    /// Answers 200 and 201.
    var acknowledged = 0
    var refusals = 0
    /// Refusals that say "sold out".
    var soldOut = 0
    /// Refusals that say neither "sold out" nor "not open".
    var turnedAway = 0
    /// Unknown answers that say "nothing was done".
    var nothingDone = 0
    var last: Outcome = .notSent
    fileprivate var lastAnswered = Int64.min

    var unknown: Int { asked - refusals - acknowledged }
    /// Whether one of their requests may have had an effect that no answer reported.
    var mayHaveMore: Bool { unknown > nothingDone }
  }

  private(set) var byName: [UserID: Person] = [:]
  /// Requests of somebody whose name is nobody's id.
  private(set) var nameless = 0

  init(_ histories: [History]) {
    byName.reserveCapacity(histories.map(\.run.people).max() ?? 0)
    for history in histories {
      for request in history.requests where request.call == .coupon {
        guard let name = UserID(history.run.name(of: request.person)) else {
          nameless += 1
          continue
        }
        byName[name, default: Person()].take(request, in: history)
      }
    }
  }

  subscript(name: UserID) -> Person? { byName[name] }
}

extension People.Person {
  fileprivate mutating func take(_ request: RequestRecord, in history: History) {
    asked += 1
    if let coupon = history.coupon(of: request) { coupons.append(coupon) }
    if request.outcome.isOK { acknowledged += 1 }
    if request.outcome.isRefusal { refusals += 1 }
    if request.outcome == .refused { turnedAway += 1 }
    if request.outcome == .soldOut { soldOut += 1 }
    if request.outcome.saysNothingWasDone { nothingDone += 1 }
    let answered = history.moment(request.answered).microseconds
    if answered >= lastAnswered { (last, lastAnswered) = (request.outcome, answered) }
  }
}
