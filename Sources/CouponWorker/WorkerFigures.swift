import EventLoop
import Operations

/// What `/metrics` says of a worker.
@LoopActor
final class WorkerFigures {
  let seconds: Histogram
  let retries: Counter
  private let metrics: Metrics
  private let batches: Counter
  private let messages: Counter
  private let coupons: Counter
  private let deadLetters: Counter
  private var lags: [Int32: Gauge] = [:]
  private var next: [Int32: Int64] = [:]
  /// The next offset of each partition, as the tables had it last.
  var applied: [Int32: Int64] { next }

  init(_ metrics: Metrics) {
    self.metrics = metrics
    seconds = metrics.histogram(
      "coupon_batch_seconds", help: "Time of one transaction over a batch.")
    retries = metrics.counter(
      "coupon_batch_retries_total", help: "Batches that the database did not take.")
    batches = metrics.counter("coupon_batches_total", help: "Batches applied.")
    messages = metrics.counter(
      "coupon_messages_applied_total", help: "Messages of the log applied.")
    coupons = metrics.counter("coupon_rows_total", help: "Coupons written.")
    deadLetters = metrics.counter("coupon_dead_letters_total", help: "Messages without a valid entry.")
  }

  func applied(_ result: BatchResult, _ batch: WorkerBatch) {
    batches.increment()
    messages.increment(by: UInt64(result.next - batch.first))
    coupons.increment(by: UInt64(result.issued.count))
    deadLetters.increment(by: UInt64(result.deadLetters.count))
    let partition = Int32(batch.partition)
    next[partition] = result.next
  }

  func began(_ partition: Int32, at offset: Int64) { next[partition] = offset }

  func saw(end: Int64, of partition: Int32) {
    lag(of: partition).value = Double(max(0, end - (next[partition] ?? 0)))
  }

  /// The partition is another's now.
  func ended(_ partition: Int32) {
    next[partition] = nil
    guard lags.removeValue(forKey: partition) != nil else { return }
    metrics.removeGauge(WorkerFigures.lagName, labels: WorkerFigures.labels(of: partition))
  }

  private static let lagName = "coupon_consumer_lag"
  private static func labels(of partition: Int32) -> [MetricLabel] {
    [MetricLabel("partition", String(partition))]
  }

  private func lag(of partition: Int32) -> Gauge {
    if let known = lags[partition] { return known }
    let gauge = metrics.gauge(
      WorkerFigures.lagName, help: "Messages of the log that the tables do not have yet.",
      labels: WorkerFigures.labels(of: partition))
    lags[partition] = gauge
    return gauge
  }
}
