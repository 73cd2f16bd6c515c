import EventLoop
import HTTP
import History

/// A steady stream of requests beside the crowd, over connections of its own, from the start of a run until it is
/// told to end.
@LoopActor
final class SideStream {
  /// One request of the stream: when it is due, in microseconds since the start, and how its answer is read.
  struct Request {
    let call: Call
    let person: UInt32
    let due: Int64
    let wire: HTTPRequest
    let outcome: @LoopActor (HTTPClientResponse) -> Outcome
  }

  private let client: HTTPClient
  private let target: SocketAddress
  private let patience: Duration
  private let start: Instant
  private let next: @LoopActor () -> Request
  private let record: @LoopActor (RequestRecord) -> Void
  private let over = Completion<Void>()
  private var isEnding = false
  private var inFlight = 0
  private var lateness = LatencyHistogram()

  /// - Parameter next: the stream has no end of its own.
  init(
    to target: SocketAddress, patience: Duration, start: Instant,
    record: @escaping @LoopActor (RequestRecord) -> Void, next: @escaping @LoopActor () -> Request
  ) {
    (self.target, self.patience, self.start) = (target, patience, start)
    (self.record, self.next) = (record, next)
    client = HTTPClient(
      HTTPClientConfiguration(address: target, maxConnections: 256, maxWaiting: 100_000))
    goOn()
  }

  /// Sends no further requests; those in flight may end.
  func end() {
    isEnding = true
    if inFlight == 0 { over.succeed(()) }
  }

  func ended() async {
    try? await over.value()
    client.close()
  }

  /// Adds what this stream's own part of the generator has done.
  func tell(_ generator: inout GeneratorRecord) {
    generator.lateness.merge(lateness)
    generator.add(client)
  }

  private func goOn() {
    let request = next()
    EventLoop.shared.schedule(at: start + .microseconds(request.due)) { [weak self] in
      guard let self, !self.isEnding else { return }
      self.send(request)
      self.goOn()
    }
  }

  private func send(_ request: Request) {
    let sent = Instant.now
    lateness.record(microseconds: (sent - start).nanoseconds / 1_000 - request.due)
    inFlight += 1
    client.send(request.wire.wireBytes(host: target.description), deadline: sent + patience) { result in
      self.take(result, request, sent: sent)
    }
  }

  private func take(_ result: HTTPClient.Outcome, _ request: Request, sent: Instant) {
    let answered = Instant.now
    let outcome: Outcome =
      switch result {
      case .success(let answer): request.outcome(answer)
      case .failure(let error): Outcome(error, timedOut: answered >= sent + patience)
      }
    func microseconds(_ time: Instant) -> UInt32 { UInt32(clamping: (time - start).nanoseconds / 1_000) }
    record(
      RequestRecord(
        call: request.call, outcome: outcome, attempt: 1, person: request.person,
        due: UInt32(clamping: request.due), sent: microseconds(sent), answered: microseconds(answered)))
    inFlight -= 1
    if isEnding, inFlight == 0 { over.succeed(()) }
  }
}
