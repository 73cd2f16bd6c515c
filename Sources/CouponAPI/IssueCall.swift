import CouponDomain
import EventLoop
import HTTP
import Operations

/// The call that everybody makes in the same second: `POST /v1/policies/{id}/coupons`.
///
/// A `Reply` is generic, so the compiler copies it at run time, by way of its type's description. That is expensive here: each reply
/// is therefore switched over where it is made, and never stored.
@LoopActor
final class IssueCall {
  private let coupons: any CouponService
  private let requests: RequestMetrics
  private let troubles: Troubles
  private let clock: SystemClock
  private let waiting: WaitingRequests

  init(_ coupons: any CouponService, _ requests: RequestMetrics, _ troubles: Troubles, _ clock: SystemClock) {
    (self.coupons, self.requests, self.troubles, self.clock) = (coupons, requests, troubles, clock)
    waiting = WaitingRequests(requests, troubles)
  }

  /// Nil where `caller` is answered later.
  func answer(
    _ request: HTTPRequest, _ path: PathID, _ deadline: Instant, _ caller: HTTPCaller, since start: Instant
  ) -> Reply<HTTPResponse>? {
    let id: PolicyID
    switch path.policyID {
    case .failure(let problem): return .now(measured(problem.response, since: start))
    case .success(let known): id = known
    }
    let user: UserID
    do { user = try request.userID() } catch {
      return .now(measured(Problem.invalidUserID(error), since: start))
    }
    let trace = request.headers.first("traceparent").flatMap(TraceContext.init)?.description
    let asked = IssueRequest(
      policyID: id, userID: user, time: clock.now(), deadline: deadline, traceparent: trace)
    let waiter = waiting.add(caller, since: start)
    switch coupons.issue(asked, for: IssueCaller(waiting, waiter)) {
    case nil: return nil
    case .now(let answer)?:
      waiting.remove(waiter)
      return .now(measured(answer.response(troubles), since: start))
    case .later(let work)?:
      waiting.remove(waiter)
      return .later { self.measured(await work().response(self.troubles), since: start) }
    }
  }

  private func measured(_ response: HTTPResponse, since start: Instant) -> HTTPResponse {
    requests.record(.coupons, response.status, since: start)
    return response
  }
}
