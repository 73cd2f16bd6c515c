import CouponAPI
import CouponDomain
import EventLoop

/// One request on its way through gate and log, and whoever waits for its answer.
@LoopActor
final class WaitingCaller {
  private enum State {
    case pending
    case asked(@LoopActor (IssueAnswer) -> Void)
    case answered(IssueAnswer)
    case told
  }

  let request: IssueRequest
  let place: PolicyPlace
  let visit: Visit
  private var state = State.pending

  init(_ request: IssueRequest, at place: PolicyPlace, _ visit: Visit) {
    (self.request, self.place, self.visit) = (request, place, visit)
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

/// The requests that wait, by the number that the waiting room knows them by: a place and how often it was used.
@LoopActor
final class Callers {
  private var places: [WaitingCaller?] = []
  private var uses: [UInt32] = []
  private var free: [Int] = []

  /// The number of the next request.
  func reserve() -> CallerID {
    let place: Int
    if let reused = free.popLast() {
      place = reused
    } else {
      place = places.count
      places.append(nil)
      uses.append(0)
    }
    uses[place] &+= 1
    return CallerID(uses[place]) << 32 | CallerID(place)
  }

  func keep(_ caller: WaitingCaller) { places[Int(caller.visit.caller & 0xffff_ffff)] = caller }

  func answer(_ caller: CallerID, _ answer: IssueAnswer) {
    let place = Int(caller & 0xffff_ffff)
    guard let waiting = places[place], waiting.visit.caller == caller else {
      preconditionFailure("request \(caller) was answered before")
    }
    places[place] = nil
    free.append(place)
    waiting.resolve(answer)
  }
}
