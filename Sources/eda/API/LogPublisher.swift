import CouponDomain
import CouponStore
import EventLoop
import Kafka
import Operations

/// Sends claims and policies to the log, and tells by ticket what could not be sent. What was sent is read back.
@LoopActor
final class LogPublisher {
  /// After this a message that was not acknowledged is reported (`message.timeout.ms`).
  static let messageTimeout = Duration.seconds(3)

  private let topic: String
  private let partitions: Int
  private var producer: KafkaProducer?
  private var routes: [PolicyID: (partition: Int32, key: [UInt8])] = [:]
  private let published: Counter
  private let failures: [DeliveryProblem: Counter]

  init(topic: String, partitions: Int, metrics: Metrics) {
    (self.topic, self.partitions) = (topic, partitions)
    published = metrics.counter("coupon_log_published_total", help: "Messages handed to the producer.")
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

  func start(
    _ configuration: KafkaConfiguration,
    onProblem: @escaping @LoopActor (PublishTicket, DeliveryProblem) -> Void
  ) throws {
    producer = try KafkaProducer(
      configuration: configuration,
      options: KafkaProducer.Options(reports: .errorsOnly, messageTimeout: LogPublisher.messageTimeout)
    ) { [failures] id, delivery in
      let problem: DeliveryProblem
      switch delivery {
      case .delivered: return
      case .notPersisted: problem = .notPersisted
      case .possiblyPersisted: problem = .possiblyPersisted
      }
      failures[problem]?.increment()
      onProblem(PublishTicket(number: id), problem)
    }
  }

  func stop(deadline: Instant) async {
    await producer?.close(deadline: deadline)
    producer = nil
  }

  /// False where the message was never enqueued and never will be.
  func publish(_ entry: LogEntry, ticket: PublishTicket, traceparent: String?) -> Bool {
    guard let producer else { return false }
    let (partition, key) = route(of: entry.policyID)
    let headers = traceparent.map { [("traceparent", Array($0.utf8))] } ?? []
    do throws(KafkaError) {
      try producer.produce(
        topic: topic, partition: partition, key: key, value: LogCodec.encode(entry), headers: headers,
        id: ticket.number)
      published.increment()
      return true
    } catch {
      failures[.notPersisted]?.increment()
      return false
    }
  }

  private func route(of policy: PolicyID) -> (partition: Int32, key: [UInt8]) {
    if let known = routes[policy] { return known }
    let key = Names.logKey(of: policy)
    let route = (murmur2Partition(key: key, partitions: partitions), key)
    routes[policy] = route
    return route
  }
}
