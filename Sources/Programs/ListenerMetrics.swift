import EventLoop
import HTTP
import Operations

/// A listener's own metrics: its connections, and the requests that it refused before routing.
enum ListenerMetrics {
  @LoopActor static func register(_ server: HTTPServer, named name: String, in metrics: Metrics) {
    let labels = [MetricLabel("listener", name)]
    metrics.gauge("http_connections_open", help: "Open connections.", labels: labels) {
      Double(server.statistics.connectionsOpen)
    }
    metrics.counter("http_connections_total", help: "Connections accepted.", labels: labels) {
      Double(server.statistics.connectionsAccepted)
    }
    metrics.counter("http_connections_refused_total", help: "Connections above the limit.", labels: labels) {
      Double(server.statistics.connectionsRefused)
    }
    metrics.counter(
      "http_accepts_failed_total", help: "Accepting failed: no descriptor or memory was left.", labels: labels
    ) { Double(server.statistics.acceptsFailed) }
    metrics.gauge(
      "http_buffered_bytes", help: "Memory for what peers sent or have not taken.", labels: labels
    ) {
      Double(server.bufferedBytes)
    }
    metrics.counter("http_received_bytes_total", help: "Bytes that peers sent.", labels: labels) {
      Double(server.statistics.bytesReceived)
    }
    metrics.counter(
      "http_connections_shed_total", help: "Connections closed because too much memory was held for peers.",
      labels: labels
    ) { Double(server.statistics.connectionsShed) }
    metrics.gauge("http_requests_in_flight", help: "Requests that wait for their answer.", labels: labels) {
      Double(server.statistics.requestsInFlight)
    }
    for status in [400, 408, 413, 414, 417, 431, 503, 505] {
      metrics.counter(
        "http_refusals_total", help: "Requests that the listener itself refused, by status.",
        labels: labels + [MetricLabel("status", String(status))]
      ) { Double(server.statistics.refusals[status] ?? 0) }
    }
  }
}
