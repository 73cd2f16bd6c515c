import CouponAPI
import CouponDomain
import EventLoop

/// One request on its way through gate and log.
final class WaitingCaller {
  let request: IssueRequest
  /// Who is told the answer.
  let caller: IssueCaller
  let today: PolicyToday
  let visit: Visit

  init(_ request: IssueRequest, _ caller: IssueCaller, _ today: PolicyToday, _ visit: Visit) {
    (self.request, self.caller, self.today, self.visit) = (request, caller, today, visit)
  }
}

/// The requests that wait, by the number that the waiting room knows them by: a seat and how often it was used.
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

  func keep(_ caller: WaitingCaller) { seats[Int(caller.visit.caller & 0xffff_ffff)] = caller }

  /// The request of that number, which waits.
  subscript(_ caller: CallerID) -> WaitingCaller {
    guard let waiting = seats[Int(caller & 0xffff_ffff)], waiting.visit.caller == caller else {
      preconditionFailure("request \(caller) was answered before")
    }
    return waiting
  }

  func answer(_ caller: CallerID, _ answer: IssueAnswer) {
    let waiting = self[caller]
    let seat = Int(caller & 0xffff_ffff)
    seats[seat] = nil
    free.append(seat)
    waiting.caller.tell(answer)
  }
}
