import CouponAPI
import CouponDomain
import CouponStore
import EventLoop
import Text

/// Creates policies through the log: the first event of an id counts, and the answer comes when it has been read back.
@LoopActor
final class PolicyCreator {
  /// What the creator asks of the list.
  struct View {
    /// Why none can be created now.
    let refusal: @LoopActor () -> String?
    let find: @LoopActor (PolicyID) -> Policy?
    /// All known policies, by id.
    let policies: @LoopActor () -> [Policy]
  }

  private enum Outcome {
    /// The log holds an event of this id; `counts` is the policy of the first one.
    case read(counts: Policy, isOurs: Bool)
    case failed(DeliveryProblem)
  }

  private struct Waiting {
    let eventID: EventID
    let ticket: PublishTicket
    let outcome: Completion<Outcome>
  }

  private let key: CouponKey
  private let outlet: any LogOutlet
  private let partitions: Int
  private let clock: LoopClock
  private var waiting: [PolicyID: [Waiting]] = [:]
  private var count: UInt32 = 0

  init(key: CouponKey, outlet: any LogOutlet, partitions: Int, clock: LoopClock) {
    (self.key, self.outlet, self.partitions, self.clock) = (key, outlet, partitions, clock)
  }

  func create(
    _ draft: PolicyDraft, deadline: Instant, eventID: @LoopActor () -> EventID, view: View
  ) async -> CreateAnswer {
    while clock.now < deadline {
      if let reason = view.refusal() { return .trouble(.unavailable(reason: reason)) }
      var chosen = draft.id
      if chosen == nil {
        let known = view.policies()
        chosen = await PolicyID.free(above: known.last?.id) {
          PolicyID.lowestFree(besides: known.lazy.map(\.id))
        }
      }
      guard let id = chosen else { return .noneFree }
      let policy = draft.policy(id: id)
      if let known = view.find(id) { return answer(for: policy, known: known) }
      switch await publish(policy, eventID: eventID(), deadline: deadline) {
      case .read(let counts, let isOurs):
        if isOurs { return .policy(counts, created: true) }
        if draft.id != nil { return answer(for: policy, known: counts) }
      // Another process was faster: the next number.
      case .failed(.notPersisted): return .trouble(.unavailable(reason: Reason.logUnavailable))
      case .failed(.possiblyPersisted): return .trouble(.outcomeUnknown(reason: Reason.logUnanswered))
      }
    }
    return .trouble(.unavailable(reason: "Others were faster, again and again."))
  }

  private func answer(for policy: Policy, known: Policy) -> CreateAnswer {
    known == policy ? .policy(known, created: false) : .conflict(existing: known)
  }

  private func publish(_ policy: Policy, eventID: EventID, deadline: Instant) async -> Outcome {
    count &+= 1
    let request = Waiting(
      eventID: eventID, ticket: PublishTicket(policyNumber: count), outcome: Completion())
    let created = PolicyCreated(eventID: eventID, policy: policy, key: key)
    let route = LogRoute(of: policy.id, partitions: partitions)
    guard
      outlet.publish(
        LogCodec.encode(.policyCreated(created)), at: route, ticket: request.ticket, traceparent: nil)
    else { return .failed(.notPersisted) }
    outlet.flush()
    waiting[policy.id, default: []].append(request)
    defer { forget(request.ticket, of: policy.id) }
    return (try? await request.outcome.value(deadline: deadline, on: clock)) ?? .failed(.possiblyPersisted)
  }

  private func forget(_ ticket: PublishTicket, of id: PolicyID) {
    waiting[id]?.removeAll { $0.ticket == ticket }
    if waiting[id]?.isEmpty == true { waiting[id] = nil }
  }

  /// An event of a policy was read. `first` is the policy of the first event of that id; nil where this is it.
  func saw(_ created: PolicyCreated, first: Policy?) {
    for request in waiting[created.policy.id] ?? [] {
      // The first event settles it for all who wait: their own is this one or comes later.
      let isOurs = first == nil && request.eventID == created.eventID
      request.outcome.succeed(.read(counts: first ?? created.policy, isOurs: isOurs))
    }
  }

  /// Whether the ticket was a policy's.
  func deliveryFailed(_ ticket: PublishTicket, _ problem: DeliveryProblem) -> Bool {
    guard ticket.isPolicy else { return false }
    for requests in waiting.values {
      for request in requests where request.ticket == ticket { request.outcome.succeed(.failed(problem)) }
    }
    return true
  }
}

extension PublishTicket {
  private static let policySlot: UInt64 = 0xffff_ffff

  /// Beside the attempts' tickets, whose slots never get that far.
  fileprivate init(policyNumber: UInt32) {
    self.init(number: UInt64(policyNumber) << 32 | PublishTicket.policySlot)
  }

  /// Whether a policy was sent under it, and no claim.
  var isPolicy: Bool { number & 0xffff_ffff == PublishTicket.policySlot }
}
