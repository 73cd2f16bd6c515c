import EventLoop
import HTTP
import Operations

/// Counts every answer by route template and status, and measures the time from a request's head to its
/// answer.
@LoopActor
final class RequestMetrics {
  private let metrics: Metrics
  private let latencies: [Histogram]
  private var counters: [[(status: Int, counter: Counter)]]

  init(_ metrics: Metrics) {
    self.metrics = metrics
    latencies = RouteName.allCases.map { route in
      metrics.histogram(
        "http_request_duration_seconds", help: "Time from a request's head to its answer.",
        labels: [MetricLabel("route", route.template)])
    }
    counters = RouteName.allCases.map { _ in [] }
  }

  func measured(_ reply: Reply<HTTPResponse>, _ route: RouteName, since start: Instant) -> Reply<HTTPResponse>
  {
    switch reply {
    case .now(let response):
      record(route, response.status, since: start)
      return reply
    case .later(let work):
      return .later {
        let response = await work()
        self.record(route, response.status, since: start)
        return response
      }
    }
  }

  func record(_ route: RouteName, _ status: Int, since start: Instant) {
    latencies[route.rawValue].observe(from: start, to: .now)
    for (known, counter) in counters[route.rawValue] where known == status {
      counter.increment()
      return
    }
    let counter = metrics.counter(
      "http_requests_total", help: "Answered requests by route template and status.",
      labels: [MetricLabel("route", route.template), MetricLabel("status", String(status))])
    counter.increment()
    counters[route.rawValue].append((status, counter))
  }
}
