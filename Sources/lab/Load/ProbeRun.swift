package import CouponDomain
import EventLoop
import HTTP
import Text

/// Two small steady streams beside the crowd: holders who look at their coupon, and people who ask for one of a policy
/// that has been sold out for a while. With them each of the things that a user can do is measured at every moment.
package struct ProbePlan: Hashable, Sendable {
  /// Requests a second, of each kind.
  package var perSecond: Double
  /// A policy that is sold out.
  package var policyID: PolicyID
  /// People who hold a coupon of it.
  package var holders: [String]
  package var seed: UInt64

  package init(perSecond: Double, policyID: PolicyID, holders: [String], seed: UInt64) {
    (self.perSecond, self.policyID, self.holders, self.seed) = (perSecond, policyID, holders, seed)
  }
}

/// Sends the probes of a run over connections of their own.
@LoopActor
final class ProbeRun {
  private let plan: ProbePlan
  private let client: HTTPClient
  private let target: SocketAddress
  private let patience: Duration
  private let start: Instant
  private let reader: AnswerReader
  private let over = Completion<Void>()
  private var random: Randomness
  private var clock = 0.0
  private var count = 0
  private var inFlight = 0
  private var isEnding = false
  private var record: (@LoopActor (RequestRecord) -> Void)?

  init(_ plan: ProbePlan, target: SocketAddress, patience: Duration, start: Instant) {
    (self.plan, self.target, self.patience, self.start) = (plan, target, patience, start)
    reader = AnswerReader(policyID: plan.policyID)
    random = Randomness(seed: plan.seed, stream: 3)
    client = HTTPClient(
      HTTPClientConfiguration(address: target, maxConnections: 256, maxWaiting: 100_000))
  }

  func begin(_ record: @escaping @LoopActor (RequestRecord) -> Void) {
    self.record = record
    guard plan.perSecond > 0, !plan.holders.isEmpty else { return end() }
    goOn()
  }

  /// No further requests; what is in flight may end.
  func end() {
    isEnding = true
    if inFlight == 0 { over.succeed(()) }
  }

  func ended() async {
    try? await over.value()
    client.close()
  }

  private func goOn() {
    clock += random.exponential() / (2 * plan.perSecond)
    let due = Int64(clock * 1_000_000)
    EventLoop.shared.schedule(at: start + .microseconds(due)) { [weak self] in
      guard let self, !self.isEnding else { return }
      self.send(due: due)
      self.goOn()
    }
  }

  private func send(due: Int64) {
    count += 1
    let number = count
    let call: Call = number.isMultiple(of: 2) ? .mine : .late
    let user = call == .mine ? plan.holders[number / 2 % plan.holders.count] : "late-\(plan.seed)-\(number)"
    let path = "/v1/policies/\(plan.policyID)/coupons" + (call == .mine ? "/me" : "")
    let request = HTTPRequest(call == .mine ? .get : .post, path, headers: [("X-User-Id", user)])
    let sent = Instant.now
    inFlight += 1
    client.send(request.wireBytes(host: target.description), deadline: sent + patience) { result in
      let answered = Instant.now
      let outcome: Outcome =
        switch result {
        case .success(let answer): self.reader.read(answer, user: user).0
        case .failure(let error): Outcome(error, timedOut: answered >= sent + self.patience)
        }
      self.take(call, outcome, number, due: due, sent: sent, answered: answered)
    }
  }

  private func take(
    _ call: Call, _ outcome: Outcome, _ number: Int, due: Int64, sent: Instant, answered: Instant
  ) {
    func microseconds(_ time: Instant) -> UInt32 { UInt32(clamping: (time - start).nanoseconds / 1_000) }
    record?(
      RequestRecord(
        call: call, outcome: outcome, attempt: 1, person: UInt32(number), due: UInt32(clamping: due),
        sent: microseconds(sent), answered: microseconds(answered)))
    inFlight -= 1
    if isEnding, inFlight == 0 { over.succeed(()) }
  }
}
