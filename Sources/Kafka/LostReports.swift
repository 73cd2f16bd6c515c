internal import EventLoop

/// Between the library's reports and the producer's owner: the reports that a fault takes away. Whoever waits for one
/// hears after the message's timeout that nobody knows; what the library says of it, before or after, is dropped.
@LoopActor
final class LostReports {
  private let onReport: KafkaProducer.ReportHandler
  private var untold: Set<UInt64> = []
  private var told: Set<UInt64> = []

  /// How long after the message's timeout the library may still report; it looks about once a second.
  private static let libraryPatience = Duration.seconds(5)

  init(_ onReport: @escaping KafkaProducer.ReportHandler) { self.onReport = onReport }

  func pass(_ id: UInt64, _ delivery: KafkaDelivery) {
    if untold.isEmpty && told.isEmpty { return onReport(id, delivery) }
    if !untold.contains(id), told.remove(id) == nil { onReport(id, delivery) }
  }

  /// The report on this message will be lost.
  func expect(_ id: UInt64) { untold.insert(id) }

  /// It was never enqueued.
  func forget(_ id: UInt64) { untold.remove(id) }

  func tell(_ id: UInt64) {
    guard untold.remove(id) != nil else { return }
    told.insert(id)
    EventLoop.shared.schedule(after: LostReports.libraryPatience) { [weak self] in
      _ = self?.told.remove(id)
    }
    onReport(id, .possiblyPersisted("no answer"))
  }

  func tellAll() { for id in untold { tell(id) } }
}
