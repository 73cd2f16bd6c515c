import CouponAPI
import CouponDomain
import EventLoop

/// One request on its way through gate and log, and how its answer is told.
@LoopActor
final class WaitingCaller {
  private enum State {
    case pending
    case asked(@LoopActor (IssueAnswer) -> Void)
    case answered(IssueAnswer)
    case told
  }

  let request: IssueRequest
  let today: PolicyToday
  let visit: Visit
  private var state = State.pending

  init(_ request: IssueRequest, _ today: PolicyToday, _ visit: Visit) {
    (self.request, self.today, self.visit) = (request, today, visit)
  }

  /// Tells the answer as soon as it is known; asked once.
  func whenAnswered(_ tell: @escaping @LoopActor (IssueAnswer) -> Void) {
    guard case .answered(let answer) = state else { return state = .asked(tell) }
    state = .told
    tell(answer)
  }

  fileprivate func resolve(_ answer: IssueAnswer) {
    switch state {
    case .pending: state = .answered(answer)
    case .asked(let tell):
      state = .told
      tell(answer)
    case .answered, .told: preconditionFailure("a request was answered twice")
    }
  }
}

/// The requests that wait, by the number that the waiting room knows them by: a seat and how often it was used.
@LoopActor
final class Callers {
  private var seats: [WaitingCaller?] = []
  private var uses: [UInt32] = []
  private var free: [Int] = []

  /// The number of the next request.
  func reserve() -> CallerID {
    let seat: Int
    if let reused = free.popLast() {
      seat = reused
    } else {
      seat = seats.count
      seats.append(nil)
      uses.append(0)
    }
    uses[seat] &+= 1
    return CallerID(uses[seat]) << 32 | CallerID(seat)
  }

  func keep(_ caller: WaitingCaller) { seats[Int(caller.visit.caller & 0xffff_ffff)] = caller }

  func answer(_ caller: CallerID, _ answer: IssueAnswer) {
    let seat = Int(caller & 0xffff_ffff)
    guard let waiting = seats[seat], waiting.visit.caller == caller else {
      preconditionFailure("request \(caller) was answered before")
    }
    seats[seat] = nil
    free.append(seat)
    waiting.resolve(answer)
  }
}
