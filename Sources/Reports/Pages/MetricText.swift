import Figures
import Terminal

/// A metric's value for people.
package enum MetricText {
  package static func value(_ value: Double, of name: String) -> String {
    if name.hasSuffix("_ms") { return Numbers.duration(milliseconds: value) }
    if name.hasSuffix("_us_per_coupon") || name.hasSuffix("_us_per_request") {
      return Numbers.decimal(value, digits: 0) + " µs"
    }
    if isSeconds(name) { return seconds(value) }
    if name.hasSuffix("_mib") { return Numbers.decimal(value, digits: 0) + " MiB" }
    if isShare(name) { return Numbers.percent(value) }
    return Numbers.decimal(value, digits: value == value.rounded() || value >= 100 ? 0 : 1)
  }

  static func isSeconds(_ name: String) -> Bool { name.hasSuffix("_s") && !name.hasSuffix("per_s") }

  static func isShare(_ name: String) -> Bool {
    name == "lateness.share" || Metric(name)?.sharedCount != nil
  }

  /// `0 s`, `0.042 s`, `0.80 s`, `12.3 s`: a metric in seconds stays one.
  private static func seconds(_ value: Double) -> String {
    let size = abs(value)
    let digits = size == 0 ? 0 : size < 0.0995 ? 3 : size < 9.995 ? 2 : 1
    return Numbers.decimal(value, digits: digits) + " s"
  }
}

/// The unit of an axis, which all values of it share.
struct MetricUnit {
  /// ` (s)`, behind a title; empty where things are counted.
  let suffix: String
  /// One of it in the metric's own unit.
  private let size: Double

  /// - Parameter top: the greatest value.
  init(of name: String, upTo top: Double) {
    if name.hasSuffix("_ms") {
      (suffix, size) = top >= 10_000 ? (" (s)", 1_000) : (" (ms)", 1)
    } else if MetricText.isSeconds(name) {
      (suffix, size) = (" (s)", 1)
    } else if MetricText.isShare(name) {
      (suffix, size) = (" (%)", 0.01)
    } else if name.contains("_us_per_") {
      (suffix, size) = (" (µs)", 1)
    } else {
      (suffix, size) = (name.hasSuffix("_mib") ? " (MiB)" : "", 1)
    }
  }

  func shown(_ value: Double) -> Double { value / size }
  func value(_ shown: Double) -> Double { shown * size }

  /// With as many digits as the steps between the ticks have.
  func tick(_ tick: Double, of ticks: [Double]) -> String {
    let step = ticks.count > 1 ? ticks[1] - ticks[0] : tick
    let digits = step >= 1 || step == 0 ? 0 : step >= 0.1 ? 1 : step >= 0.01 ? 2 : 3
    return Numbers.decimal(tick, digits: digits)
  }
}
