/// Counts of durations with three significant digits, from one microsecond to half an hour.
///
/// Values up to 2,047 µs have a bucket each; above that, each doubling has 1,024 buckets of equal width, so that
/// a bucket is never wider than a thousandth of its values (the layout of Gil Tene's HDR histogram).
package struct LatencyHistogram: Hashable, Sendable {
  /// Longer durations are counted as this one.
  package static let largest: Int64 = 1_800_000_000

  package private(set) var count: Int64 = 0
  /// Exact, in microseconds; 0 while nothing is recorded.
  package private(set) var maximum: Int64 = 0
  package private(set) var minimum: Int64 = 0
  /// Grows to the largest bucket in use.
  private var buckets: [Int64] = []

  package init() {}

  /// A negative duration counts as 0.
  package mutating func record(microseconds: Int64, times: Int64 = 1) {
    guard times > 0 else { return }
    let value = min(max(microseconds, 0), LatencyHistogram.largest)
    let index = LatencyHistogram.bucket(of: value)
    if index >= buckets.count { buckets += repeatElement(0, count: index + 1 - buckets.count) }
    buckets[index] += times
    (minimum, maximum) = count == 0 ? (value, value) : (min(minimum, value), max(maximum, value))
    count += times
  }

  package mutating func merge(_ other: LatencyHistogram) {
    guard other.count > 0 else { return }
    if other.buckets.count > buckets.count {
      buckets += repeatElement(0, count: other.buckets.count - buckets.count)
    }
    for (index, times) in other.buckets.enumerated() { buckets[index] += times }
    minimum = count == 0 ? other.minimum : min(minimum, other.minimum)
    maximum = max(maximum, other.maximum)
    count += other.count
  }

  /// The smallest recorded value that at least `fraction` of all values do not exceed, in microseconds and
  /// within a thousandth; nil while nothing is recorded.
  package func quantile(_ fraction: Double) -> Int64? {
    guard count > 0 else { return nil }
    let rank = min(max(Int64((fraction * Double(count)).rounded(.up)), 1), count)
    var seen: Int64 = 0
    for (index, times) in buckets.enumerated() {
      seen += times
      if seen >= rank { return max(min(LatencyHistogram.largestValue(in: index), maximum), minimum) }
    }
    return maximum
  }

  /// How many values exceed a limit, give or take those within a thousandth of it.
  package func countAbove(microseconds limit: Int64) -> Int64 {
    let first = LatencyHistogram.bucket(of: min(max(limit, 0), LatencyHistogram.largest)) + 1
    return first < buckets.count ? buckets[first...].reduce(0, +) : 0
  }

  private static func bucket(of value: Int64) -> Int {
    let doublings = max(0, 53 - value.leadingZeroBitCount)
    return doublings * 1_024 + Int(value >> Int64(doublings))
  }

  private static func largestValue(in bucket: Int) -> Int64 {
    let doublings = max(0, bucket / 1_024 - 1)
    return Int64(bucket - doublings * 1_024 + 1) << Int64(doublings) - 1
  }
}
