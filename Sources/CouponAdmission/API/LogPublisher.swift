import CouponDomain
import CouponStore
package import EventLoop
import Kafka
import Operations

/// The outlet to the log. What was sent is read back; a failed send is reported with its ticket.
@LoopActor
package protocol LogOutlet: AnyObject {
  /// False where the message was never enqueued and never will be.
  func publish(_ value: [UInt8], at route: LogRoute, ticket: PublishTicket, traceparent: String?) -> Bool
  /// What was published goes out with this turn if it can, instead of waiting for what comes later.
  func flush()
}

/// Sends claims and policies through Kafka's producer.
@LoopActor
final class LogPublisher: LogOutlet {
  /// After this a message that was not acknowledged is reported (`message.timeout.ms`).
  static let messageTimeout = Duration.seconds(3)

  private let topic: String
  private var producer: KafkaProducer?
  /// Stands between each message and the broker.
  var seam: (any CallSeam)?
  private let trouble: TroubleLog
  /// Whether a message was not taken, and none has come back since.
  private(set) var isTroubled = false
  private var isFlushPlanned = false
  private let published: Counter
  private let flushes: Counter
  private let failures: [DeliveryProblem: Counter]

  init(topic: String, metrics: Metrics, log: Log) {
    self.topic = topic
    trouble = TroubleLog(log)
    published = metrics.counter("coupon_log_published_total", help: "Messages handed to the producer.")
    flushes = metrics.counter(
      "coupon_log_flushes_total",
      help: "Turns that asked for their messages to be sent at once, since few wait.")
    failures = Dictionary(
      uniqueKeysWithValues: [(.notPersisted, "not-persisted"), (.possiblyPersisted, "possibly-persisted")].map
      {
        (problem: DeliveryProblem, name: String) in
        (
          problem,
          metrics.counter(
            "coupon_log_delivery_errors_total", help: "Messages whose delivery failed, by how sure that is.",
            labels: [MetricLabel("outcome", name)])
        )
      })
  }

  /// - Parameter onDelivered: for a strategy that does not wait for its own event to be read back; without it only errors
  ///   are reported.
  func start(
    _ configuration: KafkaConfiguration, onDelivered: (@LoopActor (PublishTicket) -> Void)? = nil,
    onProblem: @escaping @LoopActor (PublishTicket, DeliveryProblem) -> Void
  ) throws {
    producer = try KafkaProducer(
      configuration: configuration,
      options: KafkaProducer.Options(
        reports: onDelivered == nil ? .errorsOnly : .all, messageTimeout: LogPublisher.messageTimeout)
    ) { [self] id, delivery in
      let problem: DeliveryProblem
      switch delivery {
      case .delivered:
        cameBack()
        onDelivered?(PublishTicket(number: id))
        return
      case .notPersisted(let reason):
        note(reason)
        problem = .notPersisted
      case .possiblyPersisted(let reason):
        note(reason)
        problem = .possiblyPersisted
      }
      failures[problem]?.increment()
      onProblem(PublishTicket(number: id), problem)
    }
    producer?.seam = seam
  }

  private func note(_ reason: String) {
    isTroubled = true
    trouble.note("Kafka does not take what is sent", reason)
  }

  /// A message of this process was delivered, or read back.
  func cameBack() {
    guard isTroubled else { return }
    isTroubled = false
    trouble.over()
  }

  func stop(deadline: Instant) async {
    await producer?.close(deadline: deadline)
    producer = nil
  }

  func publish(_ value: [UInt8], at route: LogRoute, ticket: PublishTicket, traceparent: String?) -> Bool {
    guard let producer else { return false }
    let headers = traceparent.map { [("traceparent", Array($0.utf8))] } ?? []
    do throws(KafkaError) {
      try producer.produce(
        topic: topic, partition: Int32(route.partition), key: route.key, value: value, headers: headers,
        id: ticket.number)
      published.increment()
      return true
    } catch {
      failures[.notPersisted]?.increment()
      note(error.description)
      return false
    }
  }

  func flush() {
    guard !isFlushPlanned else { return }
    isFlushPlanned = true
    EventLoop.shared.atTurnEnd {
      self.isFlushPlanned = false
      self.flushes.increment()
      self.producer?.flush()
    }
  }
}

/// Where the entries of a policy go.
package struct LogRoute {
  package let partition: Int
  package let key: [UInt8]

  init(of policy: PolicyID, partitions: Int) {
    key = Names.logKey(of: policy)
    partition = Int(murmur2Partition(key: key, partitions: partitions))
  }
}
