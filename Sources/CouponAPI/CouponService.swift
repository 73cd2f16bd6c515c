package import CouponDomain
package import EventLoop
import HTTP
package import Text

/// What the HTTP API requires of an architecture. The monolith, the event-driven version and the tests'
/// in-memory service implement it.
///
/// Nothing here throws: each answer includes what can go wrong. `deadline` is the request's; a later answer
/// is useless.
@LoopActor
package protocol CouponService: AnyObject, Sendable {
  /// Requests a coupon of a policy for one person at the moment `time`. Nil: `caller` is told, once.
  func issue(_ request: IssueRequest, for caller: IssueCaller) -> Reply<IssueAnswer>?

  /// The policy, the window of the day that contains `time`, and the number of coupons issued on that day.
  func status(of policy: PolicyID, at time: Timestamp, deadline: Instant) -> Reply<PolicyAnswer>

  /// The person's latest coupon of the policy.
  func latestCoupon(of user: UserID, in policy: PolicyID, deadline: Instant) -> Reply<CouponAnswer>

  /// Creates a policy with the draft's id, or with `PolicyID.free`.
  func create(_ draft: PolicyDraft, deadline: Instant) async -> CreateAnswer

  /// The recorded events of a policy with `sequence > after`, in order, at most `limit`.
  func events(of policy: PolicyID, after: Int64, limit: Int, deadline: Instant) async -> EventsAnswer

  /// Whether requests for coupons can be answered now, with the reasons if they cannot.
  func readiness() -> ServiceReadiness
}

/// The rest of the platform, on the same write database: it shows whether a failure spreads.
@LoopActor
package protocol BystanderService: AnyObject, Sendable {
  func stays(deadline: Instant) async -> BystanderAnswer<[Stay]>
  func stay(_ id: Int64, deadline: Instant) async -> BystanderAnswer<Stay>
  func book(stay id: Int64, by user: UserID, deadline: Instant) async -> BystanderAnswer<Booking>
}

/// Where the answer to a request for a coupon goes that is known in a later turn. So many requests wait at once that a
/// task or a closure for each of them would cost as much as the rest of the request.
package struct IssueCaller: Sendable {
  private let desk: any IssueDesk
  private let caller: HTTPCaller
  private let since: Instant

  /// - Parameter start: when the request was received.
  init(_ desk: any IssueDesk, _ caller: HTTPCaller, since start: Instant) {
    (self.desk, self.caller, since) = (desk, caller, start)
  }

  @LoopActor package func tell(_ answer: IssueAnswer) { desk.tell(caller, answer, since: since) }
}

/// Turns answers of `CouponService` into answers of HTTP.
@LoopActor
protocol IssueDesk: AnyObject, Sendable {
  /// Answers a request, once.
  func tell(_ caller: HTTPCaller, _ answer: IssueAnswer, since start: Instant)
}

extension IssueCaller {
  /// A caller who is told by a closure.
  @LoopActor package init(_ tell: @escaping @LoopActor (IssueAnswer) -> Void) {
    self.init(ClosureDesk(tell), HTTPCaller { _ in }, since: .now)
  }
}

@LoopActor
private final class ClosureDesk: IssueDesk {
  private let tell: @LoopActor (IssueAnswer) -> Void
  init(_ tell: @escaping @LoopActor (IssueAnswer) -> Void) { self.tell = tell }
  func tell(_ caller: HTTPCaller, _ answer: IssueAnswer, since start: Instant) { tell(answer) }
}

extension CouponService {
  /// Requests a coupon; `tell` is called once, at once or in a later turn.
  package func issue(_ request: IssueRequest, _ tell: @escaping @LoopActor (IssueAnswer) -> Void) {
    switch issue(request, for: IssueCaller(tell)) {
    case .now(let answer): tell(answer)
    case .later(let work): EventLoop.shared.spawn { tell(await work()) }
    case nil: break
    }
  }
}

package struct IssueRequest: Sendable {
  package let policyID: PolicyID
  package let userID: UserID
  package let time: Timestamp
  package let deadline: Instant
  /// The W3C `traceparent` that came with the request, already validated.
  package let traceparent: String?

  package init(policyID: PolicyID, userID: UserID, time: Timestamp, deadline: Instant, traceparent: String?) {
    (self.policyID, self.userID, self.time) = (policyID, userID, time)
    (self.deadline, self.traceparent) = (deadline, traceparent)
  }
}

/// The call failed. `unavailable`: nothing was done. `outcomeUnknown`: it may have been done; a retry for a
/// coupon gets the right answer.
package enum ServiceTrouble: Hashable, Sendable {
  /// `reason` is for people and holds no secrets.
  case unavailable(reason: String)
  case outcomeUnknown(reason: String)
}

package enum IssueAnswer: Hashable, Sendable {
  /// 201: this request's own claim won.
  case created(Coupon)
  /// 200: the coupon that the person already holds.
  case existing(Coupon)
  /// 409.
  case soldOut
  /// 403, with the next opening; nil after the event.
  case notOpen(next: Timestamp?)
  /// 404.
  case noSuchPolicy
  /// 503.
  case trouble(ServiceTrouble)
}

extension IssueAnswer {
  package init(_ decision: Decision) {
    switch decision {
    case .issued(let coupon): self = .created(coupon)
    case .refused(.alreadyIssued(let coupon)): self = .existing(coupon)
    case .refused(.notOpen(let next)): self = .notOpen(next: next)
    case .refused(.soldOut): self = .soldOut
    }
  }
}

package enum PolicyAnswer: Sendable {
  case policy(Policy, window: DayWindow, issued: Int)
  case noSuchPolicy
  case trouble(ServiceTrouble)
}

package enum CouponAnswer: Sendable {
  case coupon(Coupon)
  /// 404: the policy exists, the person has no coupon of it.
  case none
  case noSuchPolicy
  case trouble(ServiceTrouble)
}

/// A policy as the operator sends it: every field is valid, but the id may be missing.
package struct PolicyDraft: Sendable {
  /// Nil: the service chooses one.
  package let id: PolicyID?
  private let template: Policy

  /// `template` carries the validated fields; its id is used only if `id` names it.
  package init(id: PolicyID?, template: Policy) { (self.id, self.template) = (id, template) }

  package func policy(id: PolicyID) -> Policy { template.renumbered(id) }
}

package enum CreateAnswer: Sendable {
  /// 201 if it was `created`, 200 if the same policy existed already.
  case policy(Policy, created: Bool)
  /// 409: another policy has that id.
  case conflict(existing: Policy)
  /// 409: the draft names no id, and none is free.
  case noneFree
  case trouble(ServiceTrouble)
}

/// One recorded event: the payload is the JSON of the log, byte for byte.
package struct RecordedEvent: Sendable {
  package let sequence: Int64
  package let rank: Int?
  package let payload: [UInt8]
  package let recordedAt: Timestamp

  package init(sequence: Int64, rank: Int?, payload: [UInt8], recordedAt: Timestamp) {
    (self.sequence, self.rank, self.payload, self.recordedAt) = (sequence, rank, payload, recordedAt)
  }
}

/// Where the recorded events of a policy are looked up.
@LoopActor
package protocol EventRecords: AnyObject {
  /// No events may also mean that the policy does not exist: the caller knows.
  func events(of policy: PolicyID, after: Int64, limit: Int, deadline: Instant) async -> EventsAnswer
}

package enum EventsAnswer: Sendable {
  case events([RecordedEvent])
  case noSuchPolicy
  case trouble(ServiceTrouble)
}

package struct ServiceReadiness: Hashable, Sendable {
  /// Empty when ready; otherwise short constant phrases such as "reading the log".
  package let reasons: [String]
  package var isReady: Bool { reasons.isEmpty }
  package init(reasons: [String]) { self.reasons = reasons }
}

package struct Stay: Hashable, Sendable {
  package let id: Int64
  package let name: String
  package let city: String
  package let roomsLeft: Int

  package init(id: Int64, name: String, city: String, roomsLeft: Int) {
    (self.id, self.name, self.city, self.roomsLeft) = (id, name, city, roomsLeft)
  }
}

package struct Booking: Hashable, Sendable {
  package let id: Int64
  package let stayID: Int64
  package let userID: UserID
  package let bookedAt: Timestamp

  package init(id: Int64, stayID: Int64, userID: UserID, bookedAt: Timestamp) {
    (self.id, self.stayID, self.userID, self.bookedAt) = (id, stayID, userID, bookedAt)
  }
}

package enum BystanderAnswer<Value: Sendable>: Sendable {
  case found(Value)
  case notFound
  /// No room is left.
  case full
  case trouble(ServiceTrouble)
}
