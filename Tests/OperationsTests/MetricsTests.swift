import EventLoop
import Operations
import TestSupport
import Testing

@Suite(.limited) struct MetricsTests {
  @Test func everythingIsWrittenAsPrometheusReadsIt() async throws {
    let text = try await onLoop {
      let metrics = Metrics()
      let requests = metrics.counter(
        "requests_total", help: "Requests.\nAll \\ of them.", labels: [MetricLabel("route", "/a\"b\\c\nd")])
      requests.increment()
      requests.increment(by: 2)
      metrics.gauge("queue_depth", help: "Waiting.").value = 1.5
      metrics.gauge("pool", help: "In use.", labels: [MetricLabel("pool", "coupon")]) { 3 }
      let latency = metrics.histogram("latency_seconds", help: "Time.", bounds: [0.1, 1])
      latency.observe(.milliseconds(100))
      latency.observe(.milliseconds(500))
      latency.observe(.seconds(2))
      return String(decoding: metrics.render(), as: UTF8.self)
    }
    #expect(
      text == """
        # HELP requests_total Requests.\\nAll \\\\ of them.
        # TYPE requests_total counter
        requests_total{route="/a\\"b\\\\c\\nd"} 3
        # HELP queue_depth Waiting.
        # TYPE queue_depth gauge
        queue_depth 1.5
        # HELP pool In use.
        # TYPE pool gauge
        pool{pool="coupon"} 3.0
        # HELP latency_seconds Time.
        # TYPE latency_seconds histogram
        latency_seconds_bucket{le="0.1"} 1
        latency_seconds_bucket{le="1.0"} 2
        latency_seconds_bucket{le="+Inf"} 3
        latency_seconds_sum 2.6
        latency_seconds_count 3

        """)
  }

  @Test func theSameNameAndLabelsAreTheSameHandle() async throws {
    try await onLoop {
      let metrics = Metrics()
      let one = metrics.counter("a_total", help: "", labels: [MetricLabel("x", "1")])
      let same = metrics.counter("a_total", help: "", labels: [MetricLabel("x", "1")])
      let other = metrics.counter("a_total", help: "", labels: [MetricLabel("x", "2")])
      #expect(one === same)
      #expect(one !== other)
    }
  }

  @Test func aProcessKnowsItsOwnFigures() async throws {
    let text = try await onLoop {
      let metrics = Metrics()
      ProcessFigures.register(in: metrics)
      return String(decoding: metrics.render(), as: UTF8.self)
    }
    for name in ["process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"] {
      let value = text.split(separator: "\n").first { $0.hasPrefix(name + " ") }?.split(separator: " ").last
      #expect(value.flatMap { Double($0) }.map { $0 > 0 } == true, "\(name)")
    }
  }
}
