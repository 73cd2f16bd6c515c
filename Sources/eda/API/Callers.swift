import CouponAPI
import EventLoop

/// The requests that wait, by the number that the waiting room knows them by.
@LoopActor
final class Callers {
  private var waiting: [CallerID: Completion<IssueAnswer>] = [:]
  private var last: CallerID = 0

  func add(_ completion: Completion<IssueAnswer>) -> CallerID {
    last += 1
    waiting[last] = completion
    return last
  }

  func answer(_ caller: CallerID, _ answer: IssueAnswer) {
    guard let completion = waiting.removeValue(forKey: caller) else {
      preconditionFailure("request \(caller) was answered before")
    }
    completion.succeed(answer)
  }
}
