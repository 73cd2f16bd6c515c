package import EventLoop

/// The metrics of one process. They are used only on the loop, so nothing is locked.
///
/// A caller requests its handle once and keeps it; counting is then an addition. `render` writes the
/// Prometheus text format, version 0.0.4.
@LoopActor
package final class Metrics {
  private var families: [MetricFamily] = []
  private var indexByName: [String: Int] = [:]

  package nonisolated init() {}

  /// A number that only grows. The same name and labels return the same handle. By convention its name ends
  /// in `_total`.
  package func counter(_ name: String, help: String, labels: [MetricLabel] = []) -> Counter {
    let family = family(name, help, kind: .counter)
    if case .counter(let known)? = family.find(labels) { return known }
    let counter = Counter()
    family.add(labels, .counter(counter))
    return counter
  }

  /// A number that its owner sets.
  package func gauge(_ name: String, help: String, labels: [MetricLabel] = []) -> Gauge {
    let family = family(name, help, kind: .gauge)
    if case .gauge(let known)? = family.find(labels) { return known }
    let gauge = Gauge()
    family.add(labels, .gauge(gauge))
    return gauge
  }

  /// A number that is read when the metrics are rendered; a later `read` replaces an earlier one.
  package func gauge(
    _ name: String, help: String, labels: [MetricLabel] = [], read: @escaping @LoopActor () -> Double
  ) {
    family(name, help, kind: .gauge).add(labels, .sampled(read))
  }

  /// The same for a number that only grows, such as CPU seconds.
  package func counter(
    _ name: String, help: String, labels: [MetricLabel] = [], read: @escaping @LoopActor () -> Double
  ) {
    family(name, help, kind: .counter).add(labels, .sampled(read))
  }

  /// The distribution of a quantity. `bounds` are the upper bounds of the buckets, ascending; an unbounded
  /// one is added.
  package func histogram(
    _ name: String, help: String, labels: [MetricLabel] = [], bounds: [Double] = Histogram.latencySeconds
  ) -> Histogram {
    let family = family(name, help, kind: .histogram)
    if case .histogram(let known)? = family.find(labels) { return known }
    let histogram = Histogram(bounds: bounds)
    family.add(labels, .histogram(histogram))
    return histogram
  }

  /// What was measured is no longer this process' to tell.
  package func removeGauge(_ name: String, labels: [MetricLabel]) {
    if let index = indexByName[name] { families[index].remove(labels) }
  }

  private func family(_ name: String, _ help: String, kind: MetricKind) -> MetricFamily {
    if let index = indexByName[name] {
      precondition(families[index].kind == kind, "one metric, two kinds: \(name)")
      return families[index]
    }
    let family = MetricFamily(name: name, help: help, kind: kind)
    indexByName[name] = families.count
    families.append(family)
    return family
  }

  /// All metrics in the Prometheus text format, version 0.0.4.
  package func render() -> [UInt8] {
    var text = PrometheusText()
    for family in families { family.write(to: &text) }
    return text.bytes
  }

  package nonisolated static let contentType = "text/plain; version=0.0.4; charset=utf-8"
}

package struct MetricLabel: Hashable, Sendable {
  package let name: String
  package let value: String
  package init(_ name: String, _ value: String) { (self.name, self.value) = (name, value) }
}

@LoopActor
package final class Counter {
  package private(set) var value: UInt64 = 0
  nonisolated init() {}
  package func increment(by count: UInt64 = 1) { value &+= count }
}

@LoopActor
package final class Gauge {
  package var value: Double = 0
  nonisolated init() {}
  package func add(_ delta: Double) { value += delta }
}

@LoopActor
package final class Histogram {
  /// 0.1 ms to 10 s.
  package nonisolated static let latencySeconds: [Double] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
  ]

  let bounds: [Double]
  /// One more than `bounds`: the last counts everything above them.
  private(set) var counts: [UInt64]
  private(set) var sum = 0.0

  nonisolated init(bounds: [Double]) {
    precondition(!bounds.isEmpty && zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 })
    self.bounds = bounds
    counts = Array(repeating: 0, count: bounds.count + 1)
  }

  package var count: UInt64 { counts.reduce(0, &+) }

  package func observe(_ value: Double) {
    var bucket = 0
    while bucket < bounds.count, value > bounds[bucket] { bucket += 1 }
    counts[bucket] &+= 1
    sum += value
  }

  /// Observes a duration, in seconds.
  package func observe(_ duration: Duration) { observe(Double(duration.nanoseconds) / 1e9) }

  /// The same without creating a `Duration`, for the hot path.
  package func observe(from start: Instant, to end: Instant) {
    observe(start < end ? Double(end.nanoseconds - start.nanoseconds) / 1e9 : 0)
  }
}
