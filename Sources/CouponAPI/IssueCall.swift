import CouponDomain
import EventLoop
import HTTP
import Operations

/// The call that everybody makes in the same second: `POST /v1/policies/{id}/coupons`.
///
/// A `Reply` is generic, so the compiler copies it at run time, by way of its type's description. That is expensive here: each reply
/// is therefore switched over where it is made, and never stored.
@LoopActor
final class IssueCall: IssueDesk {
  private let coupons: any CouponService
  private let requests: RequestMetrics
  private let troubles: Troubles
  private let clock: SystemClock

  init(_ coupons: any CouponService, _ requests: RequestMetrics, _ troubles: Troubles, _ clock: SystemClock) {
    (self.coupons, self.requests, self.troubles, self.clock) = (coupons, requests, troubles, clock)
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
    var trace: String?
    request.headers.withFirst("traceparent") { value, _ in
      let text = value.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
      trace = TraceContext(text)?.description
    }
    let asked = IssueRequest(
      policyID: id, userID: user, time: clock.now(), deadline: deadline, traceparent: trace)
    switch coupons.issue(asked, for: IssueCaller(self, caller, since: start)) {
    case nil: return nil
    case .now(let answer)?: return .now(measured(answer.response(troubles), since: start))
    case .later(let work)?:
      return .later { self.measured(await work().response(self.troubles), since: start) }
    }
  }

  /// The answer comes in a later turn.
  func tell(_ caller: HTTPCaller, _ answer: IssueAnswer, since start: Instant) {
    switch answer {
    case .created(let coupon): tell(caller, 201, coupon, since: start)
    case .existing(let coupon): tell(caller, 200, coupon, since: start)
    case .soldOut, .notOpen, .noSuchPolicy, .trouble:
      caller.answer(measured(answer.response(troubles), since: start))
    }
  }

  private func tell(_ caller: HTTPCaller, _ status: Int, _ coupon: Coupon, since start: Instant) {
    requests.record(.coupons, status, since: start)
    caller.answer(status: status, capacity: Representation.couponLength) {
      Representation.write(coupon, to: &$0)
    }
  }

  private func measured(_ response: HTTPResponse, since start: Instant) -> HTTPResponse {
    requests.record(.coupons, response.status, since: start)
    return response
  }
}

extension IssueAnswer {
  @LoopActor fileprivate func response(_ troubles: Troubles) -> HTTPResponse {
    switch self {
    case .created(let coupon): .json(Representation.coupon(coupon), status: 201)
    case .existing(let coupon): .json(Representation.coupon(coupon))
    case .soldOut: Problem.soldOut
    case .notOpen(let next): Problem.notOpen(next: next)
    case .noSuchPolicy: Problem.noSuchPolicy
    case .trouble(let trouble): troubles.answer(trouble, of: "coupons")
    }
  }
}
