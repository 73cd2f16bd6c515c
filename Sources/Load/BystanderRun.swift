import EventLoop
import HTTP
import History

/// The bystander's steady stream over connections of its own, from the start of a run until it is told to end.
@LoopActor
final class BystanderRun {
  private let plan: LoadPlan
  private let client: HTTPClient
  private let target: SocketAddress
  private let stays: [Int64]
  private let start: Instant
  private let over = Completion<Void>()
  private var schedule: BystanderSchedule
  private var record: (@LoopActor (RequestRecord) -> Void)?
  private var isEnding = false
  private var inFlight = 0

  init(_ plan: LoadPlan, target: SocketAddress, stays: [Int64], start: Instant) {
    (self.plan, self.target, self.stays, self.start) = (plan, target, stays, start)
    schedule = BystanderSchedule(
      requestsPerSecond: plan.bystanderPerSecond, stays: stays.count, seed: plan.crowd.seed)
    client = HTTPClient(
      HTTPClientConfiguration(address: target, maxConnections: 256, maxWaiting: 100_000))
  }

  func begin(_ record: @escaping @LoopActor (RequestRecord) -> Void) {
    self.record = record
    guard plan.bystanderPerSecond > 0, !stays.isEmpty else { return end() }
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
    let visit = schedule.next()
    EventLoop.shared.schedule(at: start + .microseconds(visit.due)) { [weak self] in
      guard let self, !self.isEnding else { return }
      self.send(visit)
      self.goOn()
    }
  }

  private func send(_ visit: BystanderSchedule.Visit) {
    let path =
      switch visit.call {
      case .stay: "/v1/stays/\(stays[visit.stay])"
      case .booking: "/v1/stays/\(stays[visit.stay])/bookings"
      case .stays, .coupon, .mine, .late: "/v1/stays"
      }
    let request = HTTPRequest(
      visit.call == .booking ? .post : .get, path, headers: [("X-User-Id", "visitor-\(visit.person)")])
    let sent = Instant.now
    inFlight += 1
    client.send(request.wireBytes(host: target.description), deadline: sent + plan.patience) { result in
      self.take(result, visit, sent: sent)
    }
  }

  private func take(_ result: HTTPClient.Outcome, _ visit: BystanderSchedule.Visit, sent: Instant) {
    let answered = Instant.now
    let outcome: Outcome =
      switch result {
      case .success(let answer): AnswerReader.bystander(answer)
      case .failure(let error): Outcome(error, timedOut: answered >= sent + plan.patience)
      }
    func microseconds(_ time: Instant) -> UInt32 { UInt32(clamping: (time - start).nanoseconds / 1_000) }
    record?(
      RequestRecord(
        call: visit.call, outcome: outcome, attempt: 1, person: UInt32(visit.person), due: UInt32(visit.due),
        sent: microseconds(sent), answered: microseconds(answered)))
    inFlight -= 1
    if isEnding, inFlight == 0 { over.succeed(()) }
  }
}
