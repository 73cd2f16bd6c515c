internal import EventLoop

/// Between the library's reports and the producer's owner: the reports that a fault takes away. Whoever waits for one
/// hears after the message's timeout that nobody knows.
@LoopActor
final class LostReports {
  private let onReport: KafkaProducer.ReportHandler
  private var ids: Set<UInt64> = []

  init(_ onReport: @escaping KafkaProducer.ReportHandler) { self.onReport = onReport }

  func pass(_ id: UInt64, _ delivery: KafkaDelivery) {
    if ids.isEmpty || !ids.contains(id) { onReport(id, delivery) }
  }

  /// The report on this message will be lost.
  func expect(_ id: UInt64) { ids.insert(id) }

  /// It was never enqueued.
  func forget(_ id: UInt64) { ids.remove(id) }

  func tell(_ id: UInt64) {
    if ids.remove(id) != nil { onReport(id, .possiblyPersisted("no answer")) }
  }

  func tellAll() { for id in ids { tell(id) } }
}
