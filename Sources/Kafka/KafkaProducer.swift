package import EventLoop

/// Sends messages, acknowledged by all replicas and without duplicates of its own making.
///
/// What is in flight is kept by librdkafka alone, under the caller's id: the library hands every message back exactly
/// once (with `reports: .errorsOnly`, every message that failed), and nothing of the caller's is retained.
@LoopActor
package final class KafkaProducer {
  package enum Reports: Hashable, Sendable {
    /// Only what failed: for callers who read their own messages back.
    case errorsOnly
    case all
  }

  package struct Options: Sendable {
    package var reports: Reports
    /// How long a message waits for company. 0 costs a third more processor time, 0.5 is below what a person notices.
    package var lingerMilliseconds: Double
    /// After this a message that is not acknowledged is reported; the library looks about once a second.
    package var messageTimeout: Duration
    /// More than this many messages under way: `queueFull`.
    package var maxQueued: Int

    package init(
      reports: Reports = .all, lingerMilliseconds: Double = 0.5, messageTimeout: Duration = .seconds(3),
      maxQueued: Int = 65_536
    ) {
      (self.reports, self.lingerMilliseconds) = (reports, lingerMilliseconds)
      (self.messageTimeout, self.maxQueued) = (messageTimeout, maxQueued)
    }
  }

  package typealias ReportHandler = @LoopActor (_ id: UInt64, _ delivery: KafkaDelivery) -> Void

  /// Asked before each message; for experiments.
  package var fault: KafkaFaultHook?
  /// The latest trouble that the library told (brokers down, credentials …), for logs and readiness.
  package private(set) var lastTrouble: String?
  /// How often a fatal error has cost a producer.
  package private(set) var restarts = 0

  private let configuration: KafkaConfiguration
  private let options: Options
  private let onReport: ReportHandler
  private let lost: LostReports
  private var session: ProducerSession?
  private var retired: [ProducerSession] = []
  private var nextStart = Instant(nanoseconds: 0)
  private var isClosed = false

  /// A fatal error right after a start does not make the next start at once.
  private static let pauseBetweenStarts = Duration.seconds(1)

  /// - Throws: `misconfigured`; brokers that are not there are no error.
  package init(
    configuration: KafkaConfiguration, options: Options = Options(), onReport: @escaping ReportHandler
  ) throws(KafkaError) {
    (self.configuration, self.options, self.onReport) = (configuration, options, onReport)
    lost = LostReports(onReport)
    try start()
  }

  /// Messages under way: waiting, sent, or not reported yet.
  package var inFlight: Int { (session?.inFlight ?? 0) + retired.reduce(0) { $0 + $1.inFlight } }

  /// Enqueues one message; what becomes of it is told to `onReport` under `id`.
  ///
  /// - Throws: `queueFull`, `unavailable`, `refused` (too large): the message was never enqueued and never will be.
  package func produce(
    topic: String, partition: Int32, key: [UInt8], value: [UInt8], headers: [(String, [UInt8])] = [],
    id: UInt64
  ) throws(KafkaError) {
    let message = OutgoingMessage(
      topic: topic, partition: partition, key: key, value: value, headers: headers, id: id)
    if let fault, let bite = fault(.produce) {
      try suffer(bite, message)
    } else {
      try send(message)
    }
  }

  /// Sends what is under way until `deadline`, reports what could not be sent, and ends the client. Everything has
  /// been reported when it returns.
  package func close(deadline: Instant) async {
    guard !isClosed else { return }
    isClosed = true
    var ending = retired
    if let session { ending.append(session) }
    for session in ending { await session.close(deadline: deadline) }
    lost.tellAll()
    (session, retired) = (nil, [])
  }

  // MARK: - Sending

  private func send(_ message: OutgoingMessage) throws(KafkaError) {
    guard !isClosed else { throw KafkaError.unavailable("the producer is closed") }
    if session == nil, Instant.now >= nextStart { try start() }
    guard let session else { throw KafkaError.unavailable(lastTrouble ?? "the producer restarts") }
    try session.produce(message)
  }

  private func suffer(_ bite: KafkaFault, _ message: OutgoingMessage) throws(KafkaError) {
    switch bite {
    case .fail(let reason):
      throw KafkaError.unavailable(reason)
    case .delay(let wait):
      EventLoop.shared.schedule(after: wait) {
        do throws(KafkaError) {
          try self.send(message)
        } catch {
          self.onReport(message.id, .notPersisted("\(error)"))
        }
      }
    case .hang:
      lost.expect(message.id)
      do throws(KafkaError) {
        try send(message)
      } catch {
        lost.forget(message.id)
        throw error
      }
      EventLoop.shared.schedule(after: options.messageTimeout) { [lost] in lost.tell(message.id) }
    }
  }

  // MARK: - Sessions

  private func start() throws(KafkaError) {
    nextStart = .now + Self.pauseBetweenStarts
    session = try ProducerSession(
      configuration, options, onReport: { [lost] id, delivery in lost.pass(id, delivery) },
      onTrouble: { [weak self] session, trouble in self?.noted(trouble, by: session) })
  }

  private func noted(_ trouble: ProducerSession.Trouble, by troubled: ProducerSession) {
    switch trouble {
    case .passing(let reason):
      lastTrouble = reason
    case .fatal(let reason):
      lastTrouble = reason
      guard troubled === session else { return }
      restarts += 1
      session = nil
      retired.append(troubled)
      EventLoop.shared.spawn {
        await troubled.close(deadline: .now)
        self.retired.removeAll { $0 === troubled }
      }
    }
  }
}

/// A message on its way into the library.
struct OutgoingMessage {
  let topic: String
  let partition: Int32
  let key: [UInt8]
  let value: [UInt8]
  let headers: [(String, [UInt8])]
  let id: UInt64
}
