package import CouponDomain
package import EventLoop
package import Text

/// What the one HTTP API asks of an architecture: the monolith, the event-driven version and the in-memory service of the tests.
///
/// Nothing here throws: what can go wrong is part of each answer. `deadline` is the request's; an answer after it is useless.
@LoopActor
package protocol CouponService: AnyObject, Sendable {
  /// One person asks one policy for a coupon at the moment `time`.
  func issue(_ request: IssueRequest) -> Reply<IssueAnswer>

  /// The policy, the window of the day that `time` lies in, and how many coupons of that day are issued.
  func status(of policy: PolicyID, at time: Timestamp, deadline: Instant) -> Reply<PolicyAnswer>

  /// The person's latest coupon of the policy.
  func latestCoupon(of user: UserID, in policy: PolicyID, deadline: Instant) -> Reply<CouponAnswer>

  /// Creates a policy under the id that the draft names, or under `PolicyID.free`.
  func create(_ draft: PolicyDraft, deadline: Instant) async -> CreateAnswer

  /// The recorded events of a policy with `sequence > after`, in order, at most `limit`.
  func events(of policy: PolicyID, after: Int64, limit: Int, deadline: Instant) async -> EventsAnswer

  /// Whether requests for coupons can be answered now; the reasons where they cannot.
  func readiness() -> ServiceReadiness
}

/// The rest of the platform on the same write database: the witness of whether a failure spreads.
@LoopActor
package protocol BystanderService: AnyObject, Sendable {
  func stays(deadline: Instant) async -> BystanderAnswer<[Stay]>
  func stay(_ id: Int64, deadline: Instant) async -> BystanderAnswer<Stay>
  func book(stay id: Int64, by user: UserID, deadline: Instant) async -> BystanderAnswer<Booking>
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

/// Something stood in the way. `unavailable`: nothing was done. `outcomeUnknown`: it may have been done;
/// a retry for a coupon gets the right answer.
package enum ServiceTrouble: Hashable, Sendable {
  /// `reason` is for people and holds no secrets.
  case unavailable(reason: String)
  case outcomeUnknown(reason: String)
}

package enum IssueAnswer: Hashable, Sendable {
  /// 201: this request's own claim won.
  case created(Coupon)
  /// 200: the coupon the person holds already.
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

/// A policy as the operator sends it: valid in every field, but perhaps without an id of its own.
package struct PolicyDraft: Sendable {
  /// Nil: the service chooses one.
  package let id: PolicyID?
  private let template: Policy

  /// `template` carries the validated fields; its id counts only as `id` says.
  package init(id: PolicyID?, template: Policy) { (self.id, self.template) = (id, template) }

  package func policy(id: PolicyID) -> Policy { template.renumbered(id) }
}

package enum CreateAnswer: Sendable {
  /// 201 where it was `created`, 200 where the same policy was there already.
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
  /// No room left.
  case full
  case trouble(ServiceTrouble)
}
