internal import EventLoop

/// Stands between the library's reports and the producer's owner. A report that the seam throws away is dropped whenever
/// it comes; in its place the owner hears, after the message's timeout, that the message is possibly persisted.
@LoopActor
final class LostReports {
  private let onReport: KafkaProducer.ReportHandler
  private var untold: Set<UInt64> = []
  private var told: Set<UInt64> = []

  /// How long after a message's timeout the library may still report it; it looks about once a second.
  private static let libraryPatience = Duration.seconds(5)

  init(_ onReport: @escaping KafkaProducer.ReportHandler) { self.onReport = onReport }

  func pass(_ id: UInt64, _ delivery: KafkaDelivery) {
    if untold.isEmpty && told.isEmpty { return onReport(id, delivery) }
    if !untold.contains(id), told.remove(id) == nil { onReport(id, delivery) }
  }

  /// The report of this message will be thrown away.
  func expect(_ id: UInt64) { untold.insert(id) }

  /// The message was never enqueued: there will be no report.
  func forget(_ id: UInt64) { untold.remove(id) }

  /// Reports that the outcome is unknown, once.
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
