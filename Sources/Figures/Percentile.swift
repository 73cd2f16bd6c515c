package import History

/// Which percentiles are known. Whatever shows a latency asks here.
///
/// The 99th percentile of eleven answers is the slowest of the eleven: it says nothing of one answer in a hundred. So a
/// percentile has at least one answer beyond it, and none is made of fewer than a hundred. What is not known has no value:
/// a table shows –, and an expectation that needs it was never evaluated, which fails.
package enum Percentile {
  package static let fewestAnswers = 100

  /// - Parameter fraction: 0.5 for the median. The maximum (1) is no percentile, and is known of a single answer.
  package static func isKnown(_ fraction: Double, of answers: Int) -> Bool {
    guard fraction < 1 else { return answers > 0 }
    return answers >= max(fewestAnswers, Int((1 / (1 - fraction)).rounded()))
  }
}

extension LatencyHistogram {
  /// In milliseconds; nil of so few values that it is not known.
  package func milliseconds(_ fraction: Double) -> Double? {
    guard Percentile.isKnown(fraction, of: Int(count)) else { return nil }
    return quantile(fraction).map { Double($0) / 1_000 }
  }
}
