import EventLoop
import HTTP
import Operations

/// Counts every answer by route template and status, and measures the time from a request's head to its
/// answer.
@LoopActor
final class RequestMetrics {
  private let metrics: Metrics
  private let latencies: [Histogram]
  /// By route and status; nil until the first answer.
  private var counters: [Counter?]
  private static let statuses = 100..<600

  init(_ metrics: Metrics) {
    self.metrics = metrics
    latencies = RouteName.allCases.map { route in
      metrics.histogram(
        "http_request_duration_seconds", help: "Time from a request's head to its answer.",
        labels: [MetricLabel("route", route.template)])
    }
    counters = Array(repeating: nil, count: RouteName.allCases.count * Self.statuses.count)
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
    precondition(Self.statuses.contains(status), "no status of HTTP: \(status)")
    let index = route.rawValue * Self.statuses.count + status - Self.statuses.lowerBound
    if let counter = counters[index] { return counter.increment() }
    let counter = metrics.counter(
      "http_requests_total", help: "Answered requests by route template and status.",
      labels: [MetricLabel("route", route.template), MetricLabel("status", String(status))])
    counter.increment()
    counters[index] = counter
  }
}
