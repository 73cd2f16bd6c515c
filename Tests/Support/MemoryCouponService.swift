package import CouponAPI
import Operations
import CouponCalendar
package import CouponDomain
package import CouponStore
package import EventLoop
package import Text

/// The API's third architecture: everything in this process' memory. It shows what the rules alone answer, for tests
/// and for measuring what the API itself costs.
@LoopActor
package final class MemoryCouponService: CouponService {
  private let key: CouponKey
  private var calendar = PolicyCalendar()
  private var eventIDs = EventIDSource()
  private var ledgers: [PolicyID: PolicyLedger] = [:]
  private var events: [PolicyID: [RecordedEvent]] = [:]
  private var sequence: Int64 = 0

  /// What readiness says; tests set it.
  package var notReadyBecause: [String] = []
  /// Stands in the way of every call while it is set; tests set it.
  package var trouble: ServiceTrouble?
  /// Answers in a task of its own, as the real ones do; the hot path answers at once.
  package var answersLater = false

  package init(key: CouponKey) { self.key = key }

  package func issue(_ request: IssueRequest, for caller: IssueCaller) -> Reply<IssueAnswer>? {
    let answer = decideIssue(request)
    return answersLater ? .later { answer } : .now(answer)
  }

  private func decideIssue(_ request: IssueRequest) -> IssueAnswer {
    if let trouble { return .trouble(trouble) }
    guard let policy = ledgers[request.policyID]?.policy else { return .noSuchPolicy }
    let window: DayWindow
    do { window = try calendar.window(of: policy, at: request.time) } catch {
      return .trouble(.unavailable(reason: "The policy's time zone is unknown here."))
    }
    let claim = key.claim(eventIDs.next(), by: request.userID, on: window.day, of: policy, at: request.time)
    let hours = policy.hours(at: request.time, in: window)
    guard let decision = ledgers[policy.id]?.apply(claim, hours: hours) else { return .noSuchPolicy }
    if case .issued(let coupon) = decision {
      record(LogCodec.encode(claim), rank: coupon.rank, of: policy.id, at: request.time)
    }
    return IssueAnswer(decision)
  }

  package func status(of policy: PolicyID, at time: Timestamp, deadline: Instant) -> Reply<PolicyAnswer> {
    if let trouble { return .now(.trouble(trouble)) }
    guard let ledger = ledgers[policy] else { return .now(.noSuchPolicy) }
    do {
      let window = try calendar.window(of: ledger.policy, at: time)
      return .now(.policy(ledger.policy, window: window, issued: ledger.issued(on: window.day)))
    } catch { return .now(.trouble(.unavailable(reason: "The policy's time zone is unknown here."))) }
  }

  package func latestCoupon(
    of user: UserID, in policy: PolicyID, deadline: Instant
  ) -> Reply<CouponAnswer> {
    if let trouble { return .now(.trouble(trouble)) }
    guard let ledger = ledgers[policy] else { return .now(.noSuchPolicy) }
    guard let coupon = ledger.latestCoupon(of: user) else { return .now(CouponAnswer.none) }
    return .now(.coupon(coupon))
  }

  package func create(_ draft: PolicyDraft, deadline: Instant) async -> CreateAnswer {
    if let trouble { return .trouble(trouble) }
    let taken = ledgers.keys.sorted()
    var chosen = draft.id
    if chosen == nil {
      chosen = await PolicyID.free(above: taken.last) { PolicyID.lowestFree(besides: taken) }
    }
    guard let id = chosen else { return .noneFree }
    let policy = draft.policy(id: id)
    if let known = ledgers[id]?.policy {
      return known == policy ? .policy(known, created: false) : .conflict(existing: known)
    }
    ledgers[id] = PolicyLedger(policy)
    let created = PolicyCreated(eventID: eventIDs.next(), policy: policy, key: key)
    record(LogCodec.encode(.policyCreated(created)), rank: nil, of: id, at: SystemClock().now())
    return .policy(policy, created: true)
  }

  private func record(_ payload: [UInt8], rank: Int?, of policy: PolicyID, at time: Timestamp) {
    sequence += 1
    events[policy, default: []].append(
      RecordedEvent(sequence: sequence, rank: rank, payload: payload, recordedAt: time))
  }

  package func events(
    of policy: PolicyID, after: Int64, limit: Int, deadline: Instant
  ) async -> EventsAnswer {
    if let trouble { return .trouble(trouble) }
    guard let recorded = events[policy] else { return .noSuchPolicy }
    return .events(Array(recorded.drop { $0.sequence <= after }.prefix(limit)))
  }

  package func readiness() -> ServiceReadiness { ServiceReadiness(reasons: notReadyBecause) }
}

extension CouponService {
  /// Requests a coupon and waits for the answer.
  package func issue(_ request: IssueRequest) async -> IssueAnswer {
    let told = Completion<IssueAnswer>()
    if let reply = issue(request, for: IssueCaller { told.succeed($0) }) { return await reply.value() }
    do { return try await told.value() } catch { preconditionFailure("an answer is no error") }
  }
}
