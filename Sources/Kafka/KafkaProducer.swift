package import EventLoop

/// Sends messages, acknowledged by all replicas and without duplicates of its own making.
///
/// librdkafka alone keeps what is in flight, under the caller's id: it reports every message exactly once (with
/// `reports: .errorsOnly`, every message that failed), and nothing of the caller's is retained. It stays until `close`.
@LoopActor
package final class KafkaProducer {
  package enum Reports: Hashable, Sendable {
    /// Only failures: for callers that read their own messages back.
    case errorsOnly
    case all
  }

  package struct Options: Sendable {
    package var reports: Reports
    /// How long a message waits for others to be sent with. Without any wait a message costs half as much again of
    /// everybody's processor time; with 0.5 ms people who wait for their answer before they ask again get a quarter fewer
    /// answers than with 0.2 (docs/decisions/0038-the-accepted-coupon.md).
    package var lingerMilliseconds: Double
    /// After this an unacknowledged message is reported; the library looks about once a second.
    package var messageTimeout: Duration
    /// More than this many messages under way: `queueFull`.
    package var maxQueued: Int

    package init(
      reports: Reports = .all, lingerMilliseconds: Double = 0.2, messageTimeout: Duration = .seconds(3),
      maxQueued: Int = 65_536
    ) {
      (self.reports, self.lingerMilliseconds) = (reports, lingerMilliseconds)
      (self.messageTimeout, self.maxQueued) = (messageTimeout, maxQueued)
    }
  }

  package typealias ReportHandler = @LoopActor (_ id: UInt64, _ delivery: KafkaDelivery) -> Void

  /// Stands between each message and the broker. A delay may let messages overtake each other.
  package var seam: (any CallSeam)?
  /// The latest trouble that the library reported (brokers down, credentials …).
  private var lastTrouble: String?

  private let configuration: KafkaConfiguration
  private let options: Options
  private let onReport: ReportHandler
  private let lost: LostReports
  private var session: ProducerSession?
  private var retired: [ProducerSession] = []
  private var nextStart = Instant(nanoseconds: 0)
  private var isClosed = false

  /// After a fatal error the next client starts no earlier than this after the last start.
  private static let pauseBetweenStarts = Duration.seconds(1)

  /// - Throws: `misconfigured`; brokers that are not there are no error.
  package init(
    configuration: KafkaConfiguration, options: Options = Options(), onReport: @escaping ReportHandler
  ) throws(KafkaError) {
    (self.configuration, self.options, self.onReport) = (configuration, options, onReport)
    lost = LostReports(onReport)
    try start()
  }

  /// Enqueues one message; its outcome is reported to `onReport` under `id`.
  ///
  /// - Throws: `queueFull`, `unavailable`, `refused` (too large): the message was never enqueued and never will be.
  package func produce(
    topic: String, partition: Int32, key: [UInt8], value: [UInt8], headers: [(String, [UInt8])] = [],
    id: UInt64
  ) throws(KafkaError) {
    let message = OutgoingMessage(
      topic: topic, partition: partition, key: key, value: value, headers: headers, id: id)
    if let seam, !seam.isClear { try ask(seam, message) } else { try send(message) }
  }

  /// Ends the wait for messages to send with. librdkafka waits for a whole millisecond, however short the linger: its broker's
  /// thread sleeps in `poll`, which counts in milliseconds, unless something else wakes it. Where few messages come nothing
  /// does.
  package func flush() { session?.flush() }

  /// Sends what is under way until `deadline`, reports what could not be sent, and ends the client. When it returns,
  /// everything that was enqueued has been reported.
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

  /// What the seam decides later is reported, not thrown.
  private func ask(_ seam: any CallSeam, _ message: OutgoingMessage) throws(KafkaError) {
    let deadline = Instant.now + options.messageTimeout
    let answer = SeamAnswer()
    // A message has no deadline of its own before it is sent: one that is delayed for long is sent late.
    seam.begin(.call, deadline: .distantFuture) { permit in
      do throws(KafkaError) {
        try self.send(message, permit, deadline)
      } catch {
        if answer.isLate {
          self.onReport(message.id, .notPersisted("\(error)"))
        } else {
          answer.refusal = error
        }
      }
    }
    answer.isLate = true
    if let refusal = answer.refusal { throw refusal }
  }

  private func send(
    _ message: OutgoingMessage, _ permit: CallPermit, _ deadline: Instant
  ) throws(KafkaError) {
    switch permit {
    case .proceed: try send(message)
    case .refused(let reason): throw KafkaError.unavailable(reason)
    case .proceedUnanswered, .silent:
      lost.expect(message.id)
      do throws(KafkaError) {
        try send(message)
      } catch {
        lost.forget(message.id)
        throw error
      }
      EventLoop.shared.schedule(at: deadline) { [lost] in lost.tell(message.id) }
    }
  }

  // MARK: - Sessions

  private func start() throws(KafkaError) {
    nextStart = .now + Self.pauseBetweenStarts
    session = try ProducerSession(
      configuration, options, onReport: { [lost] id, delivery in lost.pass(id, delivery) },
      onTrouble: { session, trouble in self.noted(trouble, by: session) })
  }

  private func noted(_ trouble: ProducerSession.Trouble, by troubled: ProducerSession) {
    switch trouble {
    case .passing(let reason):
      lastTrouble = reason
    case .fatal(let reason):
      lastTrouble = reason
      guard troubled === session else { return }
      session = nil
      retired.append(troubled)
      EventLoop.shared.spawn {
        await troubled.close(deadline: .now)
        self.retired.removeAll { $0 === troubled }
      }
    }
  }
}

/// What a seam has answered about one message before `begin` returned.
@LoopActor
private final class SeamAnswer {
  var isLate = false
  var refusal: KafkaError?
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
