import CouponDomain
import EventLoop
import HTTP
import Text

/// The requests for coupons whose answer comes in a later turn: a slot each, which is used again.
///
///     IssueCall ── add ──▶ slot ── number ──▶ the service …… answered ──▶ the connection's buffer
@LoopActor
final class WaitingRequests: IssueDesk {
  private struct Slot {
    var caller: HTTPCaller?
    var since: Instant
    /// Grows with each use, so that no answer reaches the slot's next request.
    var use: UInt32
  }

  private var slots: [Slot] = []
  private var free: [UInt32] = []
  private let requests: RequestMetrics
  private let troubles: Troubles

  init(_ requests: RequestMetrics, _ troubles: Troubles) {
    (self.requests, self.troubles) = (requests, troubles)
  }

  /// Keeps a request; its number.
  func add(_ caller: HTTPCaller, since start: Instant) -> UInt64 {
    if free.isEmpty {
      free.append(UInt32(slots.count))
      slots.append(Slot(caller: nil, since: start, use: 0))
    }
    let slot = free.removeLast()
    let use = slots[Int(slot)].use &+ 1
    slots[Int(slot)] = Slot(caller: caller, since: start, use: use)
    return UInt64(use) << 32 | UInt64(slot)
  }

  /// The request has been answered otherwise.
  func remove(_ number: UInt64) { _ = take(number) }

  func answered(_ number: UInt64, _ answer: IssueAnswer) {
    let (caller, start) = take(number)
    switch answer {
    case .created(let coupon): tell(caller, 201, coupon, since: start)
    case .existing(let coupon): tell(caller, 200, coupon, since: start)
    case .soldOut, .notOpen, .noSuchPolicy, .trouble:
      let response = answer.response(troubles)
      requests.record(.coupons, response.status, since: start)
      caller.answer(response)
    }
  }

  private func tell(_ caller: HTTPCaller, _ status: Int, _ coupon: Coupon, since start: Instant) {
    requests.record(.coupons, status, since: start)
    caller.answer(status: status, capacity: Representation.couponLength) {
      Representation.write(coupon, to: &$0)
    }
  }

  private func take(_ number: UInt64) -> (HTTPCaller, since: Instant) {
    let index = Int(number & 0xffff_ffff)
    guard slots[index].use == number >> 32, let caller = slots[index].caller else {
      preconditionFailure("a request was answered twice")
    }
    slots[index].caller = nil
    free.append(UInt32(index))
    return (caller, slots[index].since)
  }
}

extension IssueAnswer {
  @LoopActor func response(_ troubles: Troubles) -> HTTPResponse {
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
