import EventLoop

enum MetricKind: String {
  case counter, gauge, histogram
}

enum MetricSource {
  case counter(Counter)
  case gauge(Gauge)
  case histogram(Histogram)
  case sampled(@LoopActor () -> Double)
}

/// All series of one name.
@LoopActor
final class MetricFamily {
  let name: String
  let help: String
  let kind: MetricKind
  private var series: [(labels: [MetricLabel], source: MetricSource)] = []

  init(name: String, help: String, kind: MetricKind) {
    precondition(name.utf8.allSatisfy(isNameByte), "not the name of a metric: \(name)")
    (self.name, self.help, self.kind) = (name, help, kind)
  }

  func find(_ labels: [MetricLabel]) -> MetricSource? { series.first { $0.labels == labels }?.source }

  func add(_ labels: [MetricLabel], _ source: MetricSource) {
    precondition(labels.allSatisfy { $0.name.utf8.allSatisfy(isNameByte) })
    series.removeAll { $0.labels == labels }
    series.append((labels, source))
  }

  func remove(_ labels: [MetricLabel]) { series.removeAll { $0.labels == labels } }

  func write(to text: inout PrometheusText) {
    text.head(name, help, kind)
    for (labels, source) in series {
      switch source {
      case .counter(let counter): text.sample(name, labels, String(counter.value))
      case .gauge(let gauge): text.sample(name, labels, gauge.value)
      case .sampled(let read): text.sample(name, labels, read())
      case .histogram(let histogram): write(histogram, labels, to: &text)
      }
    }
  }

  private func write(_ histogram: Histogram, _ labels: [MetricLabel], to text: inout PrometheusText) {
    var below: UInt64 = 0
    for (bound, count) in zip(histogram.bounds, histogram.counts) {
      below &+= count
      text.sample(name + "_bucket", labels + [MetricLabel("le", "\(bound)")], String(below))
    }
    text.sample(name + "_bucket", labels + [MetricLabel("le", "+Inf")], String(histogram.count))
    text.sample(name + "_sum", labels, histogram.sum)
    text.sample(name + "_count", labels, String(histogram.count))
  }
}

private func isNameByte(_ byte: UInt8) -> Bool {
  (97...122).contains(byte) || (65...90).contains(byte) || (48...57).contains(byte) || byte == 95
}

/// The exposition format: `# HELP`, `# TYPE`, then one line per sample.
struct PrometheusText {
  private(set) var bytes: [UInt8] = []

  mutating func head(_ name: String, _ help: String, _ kind: MetricKind) {
    put("# HELP \(name) ")
    putEscaped(help, quotes: false)
    put("\n# TYPE \(name) \(kind.rawValue)\n")
  }

  mutating func sample(_ name: String, _ labels: [MetricLabel], _ value: Double) {
    let shown = value.isNaN ? "NaN" : value == .infinity ? "+Inf" : value == -.infinity ? "-Inf" : "\(value)"
    sample(name, labels, shown)
  }

  mutating func sample(_ name: String, _ labels: [MetricLabel], _ value: String) {
    put(name)
    for (index, label) in labels.enumerated() {
      put(index == 0 ? "{" : ",")
      put("\(label.name)=\"")
      putEscaped(label.value, quotes: true)
      put("\"")
    }
    put(labels.isEmpty ? " \(value)\n" : "} \(value)\n")
  }

  private mutating func put(_ text: String) { bytes.append(contentsOf: text.utf8) }

  private mutating func putEscaped(_ text: String, quotes: Bool) {
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\\"): put("\\\\")
      case UInt8(ascii: "\n"): put("\\n")
      case UInt8(ascii: "\"") where quotes: put("\\\"")
      default: bytes.append(byte)
      }
    }
  }
}
