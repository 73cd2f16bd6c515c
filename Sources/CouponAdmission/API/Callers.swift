import CouponAPI
import CouponDomain
import EventLoop

/// One request on its way through gate and log.
final class WaitingCaller {
  fileprivate(set) var request: IssueRequest
  /// Who is told the answer; nil afterwards, because a seat outlives the connection.
  fileprivate var caller: IssueCaller?
  fileprivate(set) var today: PolicyToday
  fileprivate(set) var visit: Visit

  init(_ request: IssueRequest, _ caller: IssueCaller, _ today: PolicyToday, _ visit: Visit) {
    (self.request, self.caller, self.today, self.visit) = (request, caller, today, visit)
  }
}

/// The requests that wait, by the number that the waiting room knows them by: a seat and how often it was taken and left.
/// A seat's object is used again.
@LoopActor
final class Callers {
  private var seats: [WaitingCaller?] = []
  private var uses: [UInt32] = []
  private var free: [Int] = []

  /// The number of the next request, which `keep` takes in.
  func next() -> CallerID {
    if free.isEmpty {
      free.append(seats.count)
      seats.append(nil)
      uses.append(0)
    }
    let seat = free.removeLast()
    uses[seat] &+= 1
    return CallerID(uses[seat]) << 32 | CallerID(seat)
  }

  func keep(_ request: IssueRequest, _ caller: IssueCaller, _ today: PolicyToday, _ visit: Visit) {
    let seat = Int(visit.caller & 0xffff_ffff)
    guard let waiting = seats[seat] else {
      seats[seat] = WaitingCaller(request, caller, today, visit)
      return
    }
    (waiting.request, waiting.caller, waiting.today, waiting.visit) = (request, caller, today, visit)
  }

  /// The request of that number, which waits.
  subscript(_ caller: CallerID) -> WaitingCaller {
    let seat = Int(caller & 0xffff_ffff)
    guard uses[seat] == UInt32(caller >> 32), let waiting = seats[seat] else {
      preconditionFailure("request \(caller) was answered before")
    }
    return waiting
  }

  func answer(_ caller: CallerID, _ answer: IssueAnswer) {
    let waiting = self[caller]
    let seat = Int(caller & 0xffff_ffff)
    uses[seat] &+= 1
    free.append(seat)
    waiting.caller.take()?.tell(answer)
  }
}
